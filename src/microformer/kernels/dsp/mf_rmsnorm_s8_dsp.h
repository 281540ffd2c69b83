/* SPDX-License-Identifier: Apache-2.0 */
/* RMSNorm with the sums on pairs of int16, equation (7). x and y may be the same buffer. */
#ifndef MF_RMSNORM_S8_DSP_H
#define MF_RMSNORM_S8_DSP_H

#include "mf_norm_dsp.h"

static inline void mf_rmsnorm_s8_dsp(
    const int8_t *x,               /* [rows, n] */
    const int32_t *restrict mult,  /* [n], signed */
    const int32_t *restrict add,   /* [n] */
    int8_t *y,                     /* [rows, n] */
    int32_t rows, int32_t n, uint64_t eps, int32_t frac, int32_t shift, int32_t zero_point,
    void *scratch /* none */) {
  (void)scratch;
  for (int32_t row = 0; row < rows; row++, x += n, y += n) {
    const mf_sums_t sums = mf_row_sums(x, n);
    /* sum (x - z)^2 = sum x^2 - 2 z sum x + n z^2, exact modulo 2^32 and so below it */
    const uint32_t z = (uint32_t)zero_point;
    const uint32_t squares = sums.squares - 2u * z * (uint32_t)sums.sum + (uint32_t)n * z * z;
    const mf_norm_t norm = mf_norm((uint64_t)(uint32_t)n * squares + eps, n, frac);
    mf_norm_row(x, y, mult, add, n, n * zero_point, shift, norm);
  }
}

#endif
