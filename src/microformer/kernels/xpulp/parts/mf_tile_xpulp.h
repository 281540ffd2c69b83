/* SPDX-License-Identifier: Apache-2.0 */
/* The inner loop of every matrix product: four rows by four columns, four bytes a step.
 *
 * 24 instructions for 64 MAC: eight loads, sixteen dot products. That is the limit of a 4x4 tile,
 * 2.67 MAC a cycle: its 16 sums, six operands and five pointers fill the registers. */
#ifndef MF_TILE_XPULP_H
#define MF_TILE_XPULP_H

#include "mf_xpulp.h"

#if MF_XPULP
#define MF_TILE_LOADS                                                           \
  MF_LW_REG("%[a0]", "%[pa]", "%[stride]") MF_LW_REG("%[a1]", "%[pa]", "%[stride]") \
  MF_LW_REG("%[a2]", "%[pa]", "%[stride]") MF_LW_REG("%[a3]", "%[pa]", "%[back]")   \
  MF_LW_POST("%[b0]", "%[pb]", "4") MF_LW_POST("%[b1]", "%[pb]", "4")
#define MF_TILE_COLUMN(I, B, S0, S1, S2, S3)                        \
  MF_INSN(I, "%[" S0 "]", "%[a0]", B) MF_INSN(I, "%[" S1 "]", "%[a1]", B) \
  MF_INSN(I, "%[" S2 "]", "%[a2]", B) MF_INSN(I, "%[" S3 "]", "%[a3]", B)
#define MF_TILE_STEP(I)                                                              \
  MF_TILE_LOADS MF_TILE_COLUMN(I, "%[b0]", "s0", "s4", "s8", "s12")                  \
  MF_LW_POST("%[b0]", "%[pb]", "4") MF_TILE_COLUMN(I, "%[b1]", "s1", "s5", "s9", "s13")  \
  MF_LW_POST("%[b1]", "%[pb]", "4") MF_TILE_COLUMN(I, "%[b0]", "s2", "s6", "s10", "s14") \
  MF_TILE_COLUMN(I, "%[b1]", "s3", "s7", "s11", "s15")
#define MF_TILE_SUMS(C)                                                                        \
  [s0] C(s[0]), [s1] C(s[1]), [s2] C(s[2]), [s3] C(s[3]), [s4] C(s[4]), [s5] C(s[5]),          \
  [s6] C(s[6]), [s7] C(s[7]), [s8] C(s[8]), [s9] C(s[9]), [s10] C(s[10]), [s11] C(s[11]),      \
  [s12] C(s[12]), [s13] C(s[13]), [s14] C(s[14]), [s15] C(s[15])
#define MF_TILE_OTHERS                                                                         \
  [a0] "=&r"(a0), [a1] "=&r"(a1), [a2] "=&r"(a2), [a3] "=&r"(a3), [b0] "=&r"(b0),              \
  [b1] "+&r"(b1), [pa] "+&r"(a), [pb] "+&r"(b)                                                 \
  : [stride] "r"(stride), [back] "r"(4 - 3 * stride)                                           \
  : "memory"
/* The first step needs no sums to add to; the others are a hardware loop. */
#define MF_TILE(FIRST, NEXT)                                                                   \
  __asm volatile(                                                                              \
      MF_NORVC MF_LOOP_COUNT("%[b1]") "mv %[s15], %[b1]\n\t" MF_TILE_LOADS                      \
      MF_TILE_COLUMN(FIRST, "%[b0]", "s0", "s4", "s8", "s12") MF_LW_POST("%[b0]", "%[pb]", "4")  \
      MF_TILE_COLUMN(FIRST, "%[b1]", "s1", "s5", "s9", "s13") MF_LW_POST("%[b1]", "%[pb]", "4")  \
      MF_TILE_COLUMN(FIRST, "%[b0]", "s2", "s6", "s10", "s14") "mv %[b0], %[s15]\n\t"           \
      MF_TILE_COLUMN(FIRST, "%[b1]", "s3", "s7", "s11", "s15") "beqz %[b0], 1f\n\t"             \
      MF_LOOP_BODY(24) MF_TILE_STEP(NEXT) "1:\n\t" MF_RVC                                      \
      : MF_TILE_SUMS("=&r"), MF_TILE_OTHERS)
/* All steps in the hardware loop. */
#define MF_TILE_MORE(NEXT)                                                                     \
  __asm volatile(MF_NORVC MF_LOOP_COUNT("%[b1]") MF_LOOP_BODY(24) MF_TILE_STEP(NEXT) MF_RVC     \
                 : MF_TILE_SUMS("+&r"), MF_TILE_OTHERS)
#else
MF_INLINE int32_t mf_word(const void *at) {
  int32_t word;
  __builtin_memcpy(&word, at, 4);
  return word;
}
#define MF_TILE_MORE(NEXT)                                                                \
  for (int32_t step = 0; step <= b1; step++, a += 4, b += 4) {                            \
    for (int32_t i = 0; i < 16; i++) {                                                    \
      s[i] = NEXT(s[i], mf_word(a + (i >> 2) * stride), b[i & 3]);                        \
    }                                                                                     \
  }
#define MF_TILE(FIRST, NEXT)                                                              \
  for (int32_t i = 0; i < 16; i++) {                                                      \
    s[i] = 0;                                                                             \
  }                                                                                       \
  MF_TILE_MORE(NEXT)
#endif

/* s[4 i + j] = row i . column j over `words` > 0 words; returns the end of the columns. Rows are
 * signed, `stride` bytes apart; columns are [words, 4] words. */
MF_INLINE const int32_t *mf_tile_4x4(
    const int8_t *a, int32_t stride, const int32_t *b, int32_t words, int32_t s[16]) {
  int32_t b1 = words - 1;
#if MF_XPULP
  int32_t a0, a1, a2, a3, b0;
  MF_TILE(MF_I_DOT, MF_I_SDOT);
#else
  MF_TILE(mf_sdot4, mf_sdot4)
#endif
  return b;
}

/* The same on top of the sums that `s` has. */
MF_INLINE const int32_t *mf_tile_more_4x4(
    const int8_t *a, int32_t stride, const int32_t *b, int32_t words, int32_t s[16]) {
#if MF_XPULP
  int32_t a0, a1, a2, a3, b0, b1 = words;
  MF_TILE_MORE(MF_I_SDOT);
#else
  int32_t b1 = words - 1;
  MF_TILE_MORE(mf_sdot4)
#endif
  return b;
}

/* The same with rows of unsigned bytes: probabilities. */
MF_INLINE const int32_t *mf_tile_us_4x4(
    const uint8_t *rows, int32_t stride, const int32_t *b, int32_t words, int32_t s[16]) {
  const int8_t *a = (const int8_t *)rows;
  int32_t b1 = words - 1;
#if MF_XPULP
  int32_t a0, a1, a2, a3, b0;
  MF_TILE(MF_I_DOTUS, MF_I_SDOTUS);
#else
  MF_TILE(mf_sdot4_us, mf_sdot4_us)
#endif
  return b;
}

#endif
