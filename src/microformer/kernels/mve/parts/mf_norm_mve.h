/* SPDX-License-Identifier: Apache-2.0 */
/* The two passes over a row of a norm, equation (7), on vectors. */
#ifndef MF_NORM_MVE_H
#define MF_NORM_MVE_H

#include "mf_norm.h"
#include "mf_vector_mve.h"

/* Sum and sum of squares of x[0 .. n-1]. */
MF_INLINE void mf_mve_sums(const int8_t *x, int32_t n, int32_t *sum, uint32_t *squares) {
  int32_t total = 0, square = 0, i = 0;
#if MF_HAS_MVE
  for (; i < n; i += 16) {
    const int8x16_t values = vldrbq_z_s8(x + i, vctp8q((uint32_t)(n - i)));
    total = vaddvaq_s8(total, values);
    square = vmladavaq_s8(square, values, values);
  }
#endif
  for (; i < n; i++) {
    total += x[i];
    square += x[i] * x[i];
  }
  *sum = total;
  *squares = (uint32_t)square;
}

/* (7c), (7d) for a row: u = n x - total. u scale + round is x (n scale) + (round - total scale);
 * both terms may leave 32 bits, their sum does not, so it is taken modulo 2^32. */
MF_INLINE void mf_mve_norm_row(
    const int8_t *x, int8_t *y, const int32_t *mult, const int32_t *add, int32_t n, int32_t total,
    int32_t shift, mf_norm_t norm) {
  const uint32_t slope = (uint32_t)n * (uint32_t)norm.scale;
  const uint32_t offset = (uint32_t)norm.round - (uint32_t)total * (uint32_t)norm.scale;
  int32_t i = 0;
#if MF_HAS_MVE
  for (; i < n; i += 4) {
    const mve_pred16_t lanes = vctp32q((uint32_t)(n - i));
    const int32x4_t scaled = vmulq_n_s32(vldrbq_z_s32(x + i, lanes), (int32_t)slope);
    const int32x4_t h = vshlq_r_s32(vaddq_n_s32(scaled, (int32_t)offset), -norm.shift);
    const int32x4_t product = vmulq_s32(h, vldrwq_z_s32(mult + i, lanes));
    const int32x4_t sum = vaddq_s32(product, vldrwq_z_s32(add + i, lanes));
    vstrbq_p_s32(y + i, mf_mve_narrow(sum, shift), lanes);
  }
#endif
  for (; i < n; i++) {
    const int32_t h = (int32_t)((uint32_t)(int32_t)x[i] * slope + offset) >> norm.shift;
    y[i] = mf_requantize(h, mult[i], add[i], shift);
  }
}

#endif
