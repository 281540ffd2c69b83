/* SPDX-License-Identifier: Apache-2.0 */
/* RMSNorm with the sums on vectors of int8, equation (7). x and y may be the same buffer. */
#ifndef MF_RMSNORM_S8_MVE_H
#define MF_RMSNORM_S8_MVE_H

#include "mf_norm_mve.h"

static inline void mf_rmsnorm_s8_mve(
    const int8_t *x,               /* [rows, n] */
    const int32_t *restrict mult,  /* [n], signed */
    const int32_t *restrict add,   /* [n] */
    int8_t *y,                     /* [rows, n] */
    int32_t rows, int32_t n, uint64_t eps, int32_t frac, int32_t shift, int32_t zero_point,
    void *scratch /* none */) {
  (void)scratch;
  for (int32_t row = 0; row < rows; row++, x += n, y += n) {
    int32_t sum;
    uint32_t squared;
    mf_mve_sums(x, n, &sum, &squared);
    /* sum (x - z)^2 = sum x^2 - 2 z sum x + n z^2, exact modulo 2^32 and so below it */
    const uint32_t z = (uint32_t)zero_point;
    const uint32_t squares = squared - 2u * z * (uint32_t)sum + (uint32_t)n * z * z;
    const mf_norm_t norm = mf_norm((uint64_t)(uint32_t)n * squares + eps, n, frac);
    mf_mve_norm_row(x, y, mult, add, n, n * zero_point, shift, norm);
  }
}

#endif
