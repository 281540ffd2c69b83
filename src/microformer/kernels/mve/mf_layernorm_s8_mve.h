/* SPDX-License-Identifier: Apache-2.0 */
/* LayerNorm with the sums on vectors of int8, equation (7). x and y may be the same buffer. */
#ifndef MF_LAYERNORM_S8_MVE_H
#define MF_LAYERNORM_S8_MVE_H

#include "mf_norm_mve.h"

static inline void mf_layernorm_s8_mve(
    const int8_t *x,               /* [rows, n] */
    const int32_t *restrict mult,  /* [n], signed */
    const int32_t *restrict add,   /* [n] */
    int8_t *y,                     /* [rows, n] */
    int32_t rows, int32_t n, uint64_t eps, int32_t frac, int32_t shift, void *scratch /* none */) {
  (void)scratch;
  for (int32_t row = 0; row < rows; row++, x += n, y += n) {
    int32_t sum;
    uint32_t squared;
    mf_mve_sums(x, n, &sum, &squared);
    const uint64_t sum_squared = (uint64_t)((int64_t)sum * sum);
    const uint64_t spread = (uint64_t)(uint32_t)n * squared - sum_squared + eps;
    mf_mve_norm_row(x, y, mult, add, n, sum, shift, mf_norm(spread, n, frac));
  }
}

#endif
