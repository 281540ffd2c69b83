/* SPDX-License-Identifier: Apache-2.0 */
/* Probabilities of scores from a table in L1, equation (3a), and of a byte's distances. */
#ifndef MF_PROBABILITY_XPULP_H
#define MF_PROBABILITY_XPULP_H

#include "mf_softmax.h"
#include "mf_xpulp.h"

/* table[index]: one load, where compilers first add. */
MF_INLINE int32_t mf_entry_u8(const uint8_t table[256], int32_t index) {
#if MF_XPULP
  int32_t value;
  __asm(MF_LBU_REG("%0", "%1", "%2")
        : "=r"(value)
        : "r"(table), "r"(index), "m"(*(const uint8_t(*)[256])table));
  return value;
#else
  return table[index];
#endif
}

/* What (3a) adds to -score mult of a row whose largest score is `top`. */
MF_INLINE int32_t mf_lut_base(int32_t top, int32_t mult, int32_t shift) {
  return top * mult + (1 << (shift - 1));
}

/* Equation (3a): product, sum with shift, clip, load. Only where no distance is larger than
 * mf_lut_t's limit, and top mult + 2^(shift-1) and score mult fit 32 bits. */
MF_INLINE int32_t mf_lut_safe(
    const uint8_t *table, int32_t base, int32_t score, int32_t mult, int32_t shift) {
  return mf_entry_u8(table, mf_clip_u8(mf_add_shift(score * -mult, base, shift)));
}

/* The same of four scores, as the bytes of a word. */
MF_INLINE int32_t mf_lut_safe4(
    const uint8_t *table, int32_t base, const int32_t scores[4], int32_t mult, int32_t shift) {
  const int32_t s0 = scores[0], s1 = scores[1], s2 = scores[2], s3 = scores[3];
  const int32_t p0 = mf_lut_safe(table, base, s0, mult, shift);
  const int32_t p1 = mf_lut_safe(table, base, s1, mult, shift);
  const int32_t p2 = mf_lut_safe(table, base, s2, mult, shift);
  const int32_t p3 = mf_lut_safe(table, base, s3, mult, shift);
  return mf_pack4(p0, p1, p2, p3);
}

#endif
