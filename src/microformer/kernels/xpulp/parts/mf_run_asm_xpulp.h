/* SPDX-License-Identifier: Apache-2.0 */
/* The assembler of a run of tiles (mf_run_xpulp.h): its loop, and what follows each tile's sums. */
#ifndef MF_RUN_ASM_XPULP_H
#define MF_RUN_ASM_XPULP_H

#include "mf_requantize_xpulp.h"
#include "mf_tile_xpulp.h"

/* `count` > 0 tiles; a step leads from a tile's begin to the next one's. */
typedef struct {
  const int8_t *rows;     /* four rows of 4 * words bytes, `stride` bytes apart */
  int32_t stride;
  int32_t row_step;       /* bytes */
  const int32_t *columns; /* [words, 4] words; where requantised, then [4, 2] constants */
  int32_t column_step;    /* words */
  int32_t words;          /* > 0 */
  int8_t *y;              /* a tile's four words of results, `pitch` bytes apart */
  int32_t pitch;
  int32_t y_step;         /* bytes */
  int32_t count;
} mf_run_t;

#if MF_XPULP
/* As MF_TILE with a loop whose place is set before (30 instructions on), the count from memory. */
#define MF_RUN_TILE(FIRST, NEXT)                                                               \
  "lw %[s15], %[more]\n\t" MF_LW_REG("%[a0]", "%[pa]", "%[stride]") MF_LOOP_COUNT("%[s15]")    \
  MF_LW_REG("%[a1]", "%[pa]", "%[stride]") MF_LW_REG("%[a2]", "%[pa]", "%[stride]")            \
  MF_LW_REG("%[a3]", "%[pa]", "%[back]") MF_LW_POST("%[b0]", "%[pb]", "4")                     \
  MF_LW_POST("%[b1]", "%[pb]", "4") MF_TILE_COLUMN(FIRST, "%[b0]", "s0", "s4", "s8", "s12")    \
  MF_LW_POST("%[b0]", "%[pb]", "4") MF_TILE_COLUMN(FIRST, "%[b1]", "s1", "s5", "s9", "s13")    \
  MF_LW_POST("%[b1]", "%[pb]", "4") MF_TILE_COLUMN(FIRST, "%[b0]", "s2", "s6", "s10", "s14")   \
  "mv %[b0], %[s15]\n\t" MF_TILE_COLUMN(FIRST, "%[b1]", "s3", "s7", "s11", "s15")              \
  "beqz %[b0], 2f\n\t" MF_TILE_STEP(NEXT) "2:\n\t"
/* `AFTER` stores the tile and may use all registers but pa, pb, y and count. */
#define MF_RUN_TILES(FIRST, NEXT, AFTER, ...)                                                        \
  __asm volatile(                                                                              \
      MF_NORVC MF_LOOP_AT(30, 24) "1:\n\t" MF_RUN_TILE(FIRST, NEXT) AFTER                      \
      "lw %[s15], %[rows]\n\tlw %[s14], %[next]\n\tlw %[s13], %[hop]\n\t"                      \
      "addi %[count], %[count], -1\n\tadd %[pa], %[pa], %[s15]\n\tadd %[pb], %[pb], %[s14]\n\t" \
      "add %[y], %[y], %[s13]\n\tbnez %[count], 1b\n\t" MF_RVC                                 \
      : MF_TILE_SUMS("=&r"), [a0] "=&r"(a0), [a1] "=&r"(a1), [a2] "=&r"(a2), [a3] "=&r"(a3),   \
        [b0] "=&r"(b0), [b1] "=&r"(b1), [pa] "+&r"(pa), [pb] "+&r"(pb), [y] "+&r"(y),          \
        [count] "+&r"(count)                                                                   \
      : [stride] "r"(run->stride), [back] "r"(4 - 3 * run->stride), [more] "m"(more),          \
        [rows] "m"(rows), [next] "m"(next), [hop] "m"(hop), __VA_ARGS__                        \
      : "memory")
#define MF_RUN_LOCALS(TAIL, STORES)                                                            \
  int32_t s[16], a0, a1, a2, a3, b0, b1, count = run->count;                                   \
  const int8_t *pa = run->rows;                                                                \
  const int32_t *pb = run->columns;                                                            \
  int8_t *y = run->y;                                                                          \
  const int32_t more = run->words - 1, rows = run->row_step - 4 * run->words,                  \
                next = 4 * (run->column_step - 4 * run->words - (TAIL)),                       \
                pitch = run->pitch, hop = run->y_step - (STORES);
/* The requantisation of mf_requantize_xpulp.h with the registers of a run. */
#define MF_RUN_QUANTIZED(THEN, PACKED)                                                         \
  "lw %[a2], %[shift]\n\t" MF_RUN_COLUMN("s0", "s4", "s8", "s12")                              \
  MF_RUN_COLUMN("s1", "s5", "s9", "s13") MF_RUN_COLUMN("s2", "s6", "s10", "s14")               \
  MF_RUN_COLUMN("s3", "s7", "s11", "s15") THEN "lw %[a3], %[pitch]\n\t" PACKED                 \
  MF_SW_REG("%[a0]", "%[y]", "%[a3]") MF_SW_REG("%[a1]", "%[y]", "%[a3]")                      \
  MF_SW_REG("%[s0]", "%[y]", "%[a3]") MF_SW_REG("%[s1]", "%[y]", "%[a3]")
#define MF_RUN_PLUS(S) MF_INSN(MF_I_ADDN, "%[" S "]", "%[a1]", "%[a2]")
#define MF_RUN_TIMES(S) "mul %[" S "], %[" S "], %[a0]\n\t"
#define MF_RUN_LOOKED_UP(S) MF_LB_REG("%[" S "]", "%[" S "]", "%[b0]")
#define MF_RUN_COLUMN(S0, S1, S2, S3)                                                          \
  MF_LW_POST("%[a0]", "%[pb]", "4") MF_LW_POST("%[a1]", "%[pb]", "4")                          \
  MF_OF_COLUMN(MF_RUN_TIMES, S0, S1, S2, S3) MF_OF_COLUMN(MF_RUN_PLUS, S0, S1, S2, S3)         \
  MF_OF_COLUMN(MF_CLIPPED, S0, S1, S2, S3)
#define MF_RUN_ALL(OP)                                                                         \
  MF_OF_COLUMN(OP, "s0", "s1", "s2", "s3") MF_OF_COLUMN(OP, "s4", "s5", "s6", "s7")            \
  MF_OF_COLUMN(OP, "s8", "s9", "s10", "s11") MF_OF_COLUMN(OP, "s12", "s13", "s14", "s15")
#define MF_RUN_BY_ROWS                                                                         \
  MF_TO_WORD("s0", "s1", "s2", "s3", "a0") MF_TO_WORD("s4", "s5", "s6", "s7", "a1")            \
  MF_TO_WORD("s8", "s9", "s10", "s11", "s0") MF_TO_WORD("s12", "s13", "s14", "s15", "s1")
#define MF_RUN_BY_COLUMNS                                                                      \
  MF_TO_WORD("s0", "s4", "s8", "s12", "a0") MF_TO_WORD("s1", "s5", "s9", "s13", "a1")          \
  MF_TO_WORD("s2", "s6", "s10", "s14", "s0") MF_TO_WORD("s3", "s7", "s11", "s15", "s1")
#define MF_RUN_TABLE "lw %[b0], %[lut]\n\t" MF_RUN_ALL(MF_RUN_LOOKED_UP)
#define MF_RUN_REQUANTIZED(THEN, PACKED, TABLE, I, J)                                          \
  MF_RUN_LOCALS(8, 4 * run->pitch)                                                             \
  MF_RUN_TILES(MF_I_DOT, MF_I_SDOT, MF_RUN_QUANTIZED(THEN, PACKED), [shift] "m"(shift),              \
         [lut] "m"(TABLE), [pitch] "m"(pitch))
#define MF_RUN_STORE_ROW(S0, S1, S2, S3)                                                       \
  MF_SW_POST("%[" S0 "]", "%[y]", "4") MF_SW_POST("%[" S1 "]", "%[y]", "4")                    \
  MF_SW_POST("%[" S2 "]", "%[y]", "4") MF_SW_REG("%[" S3 "]", "%[y]", "%[a0]")
#define MF_RUN_SUMS                                                                            \
  "lw %[a0], %[pitch]\n\t" MF_RUN_STORE_ROW("s0", "s1", "s2", "s3")                            \
  MF_RUN_STORE_ROW("s4", "s5", "s6", "s7") MF_RUN_STORE_ROW("s8", "s9", "s10", "s11")          \
  MF_RUN_STORE_ROW("s12", "s13", "s14", "s15")
/* Equation (3c) on a row; RIGHT and FACTOR are that row's. */
#define MF_RUN_HALVED(S) "sra %[" S "], %[" S "], %[a0]\n\t"
#define MF_RUN_SCALED(S) "mul %[" S "], %[" S "], %[a1]\n\t"
#define MF_RUN_ROUNDED(S) MF_INSN(MF_I_ADDN, "%[" S "]", "%[a3]", "%[a2]")
#define MF_RUN_MOVED(S) "add %[" S "], %[" S "], %[b0]\n\t"
#define MF_RUN_KEPT(S)
#define MF_RUN_CONTEXT_ROW(ROW, MOVED, S0, S1, S2, S3, TO)                                     \
  "lw %[a0], %[right" ROW "]\n\tlw %[a1], %[factor" ROW "]\n\t"                               \
  MF_OF_COLUMN(MF_RUN_HALVED, S0, S1, S2, S3) MF_OF_COLUMN(MF_RUN_SCALED, S0, S1, S2, S3)      \
  MF_OF_COLUMN(MF_RUN_ROUNDED, S0, S1, S2, S3) MF_OF_COLUMN(MOVED, S0, S1, S2, S3)             \
  MF_OF_COLUMN(MF_CLIPPED, S0, S1, S2, S3) MF_TO_WORD(S0, S1, S2, S3, TO)
#define MF_RUN_CONTEXT(MOVED)                                                                  \
  "lw %[a2], %[shift]\n\tlw %[a3], %[round]\n\tlw %[b0], %[zero]\n\t"                         \
  MF_RUN_CONTEXT_ROW("0", MOVED, "s0", "s1", "s2", "s3", "b1")                                 \
  MF_RUN_CONTEXT_ROW("1", MOVED, "s4", "s5", "s6", "s7", "s0")                                 \
  MF_RUN_CONTEXT_ROW("2", MOVED, "s8", "s9", "s10", "s11", "s1")                               \
  MF_RUN_CONTEXT_ROW("3", MOVED, "s12", "s13", "s14", "s15", "s2") "lw %[a3], %[pitch]\n\t"    \
  MF_SW_REG("%[b1]", "%[y]", "%[a3]") MF_SW_REG("%[s0]", "%[y]", "%[a3]")                      \
  MF_SW_REG("%[s1]", "%[y]", "%[a3]") MF_SW_REG("%[s2]", "%[y]", "%[a3]")
#endif

#endif
