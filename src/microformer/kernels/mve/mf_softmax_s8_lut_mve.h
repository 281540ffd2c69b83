/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax over rows, probabilities from a table, equations (3a), (11), on vectors. x and y may be
 * the same. A distance of two int8 is at most 255, so the table is first put in order of them. */
#ifndef MF_SOFTMAX_S8_LUT_MVE_H
#define MF_SOFTMAX_S8_LUT_MVE_H

#include "mf_softmax.h"
#include "mf_vector_mve.h"

/* The largest of x[0 .. n-1]. */
MF_INLINE int32_t mf_mve_row_max(const int8_t *x, int32_t n) {
#if MF_HAS_MVE
  int8_t top = -128;
  for (int32_t i = 0; i < n; i += 16) {
    const mve_pred16_t lanes = vctp8q((uint32_t)(n - i));
    top = vmaxvq_p_s8(top, vldrbq_z_s8(x + i, lanes), lanes);
  }
  return top;
#else
  return mf_row_max(x, n);
#endif
}

/* Probabilities less 128 of a row whose maximum is `top`, to y; their sum. */
MF_INLINE uint32_t mf_mve_by_distance(
    const uint8_t *table /* [256] */, const int8_t *x, int8_t *y, int32_t n, int32_t top) {
  uint32_t denom = 0;
  int32_t i = 0;
#if MF_HAS_MVE
  const int8x16_t base = vdupq_n_s8((int8_t)top);
  for (; i < n; i += 16) {
    const mve_pred16_t lanes = vctp8q((uint32_t)(n - i));
    const uint8x16_t d = vreinterpretq_u8_s8(vsubq_s8(base, vldrbq_z_s8(x + i, lanes)));
    const uint8x16_t p = vldrbq_gather_offset_z_u8(table, d, lanes);
    denom = vaddvaq_u8(denom, p);
    vstrbq_p_u8((uint8_t *)y + i, veorq_u8(p, vdupq_n_u8(128)), lanes);
  }
#endif
  for (; i < n; i++) {
    const int32_t p = table[top - x[i]];
    denom += (uint32_t)p;
    y[i] = (int8_t)(p - 128);
  }
  return denom;
}

/* Equation (11), in place. From a sum of 257 on the reciprocal has 16 bits, and p times it,
 * rounded, is one instruction; a smaller sum has hardly more than the maximum in it. */
MF_INLINE void mf_mve_normalize(int8_t *y, int32_t n, uint32_t denom) {
#if MF_HAS_MVE
  if (denom > 256) {
    const uint16x8_t reciprocal = vdupq_n_u16((uint16_t)((1u << 24) / denom));
    for (int32_t i = 0; i < n; i += 8) {
      const mve_pred16_t lanes = vctp16q((uint32_t)(n - i));
      const int16x8_t level = vaddq_n_s16(vldrbq_z_s16(y + i, lanes), 128);
      const uint16x8_t share = vrmulhq_u16(vreinterpretq_u16_s16(level), reciprocal);
      vstrbq_p_s16(y + i, vsubq_n_s16(vreinterpretq_s16_u16(share), 128), lanes);
    }
    return;
  }
#endif
  mf_softmax_normalize(y, n, denom);
}

static inline void mf_softmax_s8_lut_mve(
    const int8_t *x,               /* [rows, n] */
    const uint8_t *restrict lut,   /* [256] */
    int8_t *y,                     /* [rows, n] */
    int32_t rows, int32_t n, int32_t score_mult, int32_t score_shift, void *scratch /* none */) {
  (void)scratch;
  const mf_lut_t table = mf_lut(lut, score_mult, score_shift);
  uint8_t by_distance[256];
  for (int32_t d = 0; d < 256; d++) {
    by_distance[d] = (uint8_t)mf_lut_probability(&table, d);
  }
  for (int32_t row = 0; row < rows; row++, x += n, y += n) {
    const uint32_t denom = mf_mve_by_distance(by_distance, x, y, n, mf_mve_row_max(x, n));
    mf_mve_normalize(y, n, denom);
  }
}

#endif
