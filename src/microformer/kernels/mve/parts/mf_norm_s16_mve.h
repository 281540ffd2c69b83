/* SPDX-License-Identifier: Apache-2.0 */
/* The two passes over a row of a norm where x or y is int16, equation (7r), on vectors. */
#ifndef MF_NORM_S16_MVE_H
#define MF_NORM_S16_MVE_H

#include "mf_norm_s16.h"
#include "mf_residual_mve.h"

/* Sum, and sum of squares, of the n elements from `start` on less `zero`. */
MF_INLINE void mf_mve_sums_s16(
    const void *x, int32_t start, int32_t n, int32_t zero, int32_t is_s16, int32_t *sum,
    uint64_t *squares) {
  int32_t total = 0, i = 0;
  int64_t square = 0;
#if MF_HAS_MVE
  for (; i < n; i += 8) {
    const mve_pred16_t lanes = vctp16q((uint32_t)(n - i));
    const int16x8_t raw = is_s16 ? vldrhq_z_s16((const int16_t *)x + start + i, lanes)
                                 : vldrbq_z_s16((const int8_t *)x + start + i, lanes);
    const int16x8_t value = zero != 0 ? vsubq_n_s16(raw, (int16_t)zero) : raw;
    total = vaddvaq_p_s16(total, value, lanes);
    square = vmlaldavaq_p_s16(square, value, value, lanes);
  }
#endif
  for (; i < n; i++) {
    const int32_t value = mf_element(x, start + i, is_s16) - zero;
    total += value;
    square += (int64_t)value * value;
  }
  *sum = total;
  *squares = (uint64_t)square;
}

/* Equations (7r) and (7d) of a row whose deviations are u_i = n x_i - offset. */
MF_INLINE void mf_mve_norm_s16_row(
    const void *x, const int32_t *mult, const int32_t *add, void *y, int32_t start, int32_t n,
    int32_t offset, mf_norm_s16_t norm, int32_t shift, int32_t types) {
#if MF_HAS_MVE
  for (int32_t i = 0; i < n; i += 4) {
    const mve_pred16_t lanes = vctp32q((uint32_t)(n - i));
    const int32x4_t value = mf_mve_elements(x, start + i, types & MF_A_S16, lanes);
    const int32x4_t u = vaddq_n_s32(vmulq_n_s32(value, n), norm.half - offset);
    const int32x4_t scaled = vmulq_n_s32(vshlq_r_s32(u, -norm.g), norm.scale);
    const int32x4_t h = vshlq_r_s32(vaddq_n_s32(scaled, norm.round), -norm.shift);
    const int32x4_t product = vmulq_s32(h, vldrwq_z_s32(mult + i, lanes));
    const int32x4_t sum = vaddq_s32(product, vldrwq_z_s32(add + i, lanes));
    mf_mve_put(y, start + i, vshlq_r_s32(sum, -shift), types & MF_Y_S16, lanes);
  }
#else
  mf_norm_s16_row(x, mult, add, y, start, n, offset, norm, shift, types);
#endif
}

#endif
