/* SPDX-License-Identifier: Apache-2.0 */
/* What follows a tile of sums: equation (2), a LUT, four bytes to a word.
 *
 * 56 instructions and 8 loads for 16 sums: product, sum with shift, clip; two to pack four. A panel
 * ends in the multiplier and the constant of each of its columns, one after the other. */
#ifndef MF_REQUANTIZE_XPULP_H
#define MF_REQUANTIZE_XPULP_H

#include "mf_xpulp.h"

#if MF_XPULP
#define MF_OF_COLUMN(OP, S0, S1, S2, S3) OP(S0) OP(S1) OP(S2) OP(S3)
#define MF_TIMES(S) "mul %[" S "], %[" S "], %[m]\n\t"
#define MF_PLUS(S) MF_INSN(MF_I_ADDN, "%[" S "]", "%[a]", "%[shift]")
#define MF_CLIPPED(S) MF_INSN(MF_I_CLIP, "%[" S "]", "%[" S "]", "x8")
#define MF_LOOKED_UP(S) MF_LB_REG("%[" S "]", "%[" S "]", "%[lut]")
#define MF_COLUMN(S0, S1, S2, S3)                                                             \
  MF_LW_POST("%[m]", "%[at]", "4") MF_LW_POST("%[a]", "%[at]", "4")                           \
  MF_OF_COLUMN(MF_TIMES, S0, S1, S2, S3) MF_OF_COLUMN(MF_PLUS, S0, S1, S2, S3)                \
  MF_OF_COLUMN(MF_CLIPPED, S0, S1, S2, S3)
#define MF_COLUMNS                                                                            \
  MF_COLUMN("s0", "s4", "s8", "s12") MF_COLUMN("s1", "s5", "s9", "s13")                       \
  MF_COLUMN("s2", "s6", "s10", "s14") MF_COLUMN("s3", "s7", "s11", "s15")
#define MF_LOOK_UP(S0, S1, S2, S3) MF_OF_COLUMN(MF_LOOKED_UP, S0, S1, S2, S3)
#define MF_LOOK_UP_ALL                                                                        \
  MF_LOOK_UP("s0", "s1", "s2", "s3") MF_LOOK_UP("s4", "s5", "s6", "s7")                       \
  MF_LOOK_UP("s8", "s9", "s10", "s11") MF_LOOK_UP("s12", "s13", "s14", "s15")
#define MF_TO_WORD(S0, S1, S2, S3, TO) /* TO is not needed any more */                        \
  MF_INSN(MF_I_PACKLO, "%[" TO "]", "%[" S1 "]", "%[" S0 "]")                                 \
  MF_INSN(MF_I_PACKHI, "%[" TO "]", "%[" S3 "]", "%[" S2 "]")
#define MF_BY_ROWS                                                                            \
  MF_TO_WORD("s0", "s1", "s2", "s3", "m") MF_TO_WORD("s4", "s5", "s6", "s7", "a")             \
  MF_TO_WORD("s8", "s9", "s10", "s11", "s0") MF_TO_WORD("s12", "s13", "s14", "s15", "s1")
#define MF_REQUANTIZE(THEN, PACKED, ...)                                                      \
  __asm(MF_COLUMNS THEN PACKED                                                                \
        : [s0] "+&r"(s[0]), [s1] "+&r"(s[1]), [s2] "+&r"(s[2]), [s3] "+&r"(s[3]),             \
          [s4] "+&r"(s[4]), [s5] "+&r"(s[5]), [s6] "+&r"(s[6]), [s7] "+&r"(s[7]),             \
          [s8] "+&r"(s[8]), [s9] "+&r"(s[9]), [s10] "+&r"(s[10]), [s11] "+&r"(s[11]),         \
          [s12] "+&r"(s[12]), [s13] "+&r"(s[13]), [s14] "+&r"(s[14]), [s15] "+&r"(s[15]),     \
          [m] "=&r"(m), [a] "=&r"(a), [at] "+&r"(constants)                                   \
        : [shift] "r"(shift)__VA_ARGS__                                                       \
        : "memory");                                                                          \
  out[0] = m, out[1] = a, out[2] = s[0], out[3] = s[1]
#else
#define MF_REQUANTIZE(TABLE, I, J)                                                            \
  for (int32_t i = 0; i < 16; i++) {                                                          \
    s[i] = mf_quantized(s[i], constants[2 * (i & 3)], constants[2 * (i & 3) + 1], shift);     \
    s[i] = TABLE != NULL ? TABLE[s[i]] : s[i];                                                \
  }                                                                                           \
  for (int32_t i = 0; i < 4; i++) {                                                           \
    out[i] = mf_pack4(s[(I) * i], s[(I) * i + (J)], s[(I) * i + 2 * (J)], s[(I) * i + 3 * (J)]); \
  }
#endif

/* A word for each of the four rows. `s` is used up. */
MF_INLINE void mf_requantize_rows(
    int32_t s[16], const int32_t *constants, int32_t shift, int32_t out[4]) {
#if MF_XPULP
  int32_t m, a;
  MF_REQUANTIZE("", MF_BY_ROWS, );
#else
  const int8_t *none = NULL;
  MF_REQUANTIZE(none, 4, 1)
#endif
}

/* The same with a LUT behind; `lut` is that of -128 to 127 at its entry for 0. */
MF_INLINE void mf_requantize_rows_table(
    int32_t s[16], const int32_t *constants, int32_t shift, const int8_t *lut, int32_t out[4]) {
#if MF_XPULP
  int32_t m, a;
#define MF_COMMA ,
  MF_REQUANTIZE(MF_LOOK_UP_ALL, MF_BY_ROWS, MF_COMMA [lut] "r"(lut));
#else
  MF_REQUANTIZE(lut, 4, 1)
#endif
}

#endif
