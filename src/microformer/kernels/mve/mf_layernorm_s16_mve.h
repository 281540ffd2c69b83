/* SPDX-License-Identifier: Apache-2.0 */
/* LayerNorm over rows where x or y is int16, equation (7r). They may be one buffer if both are. */
#ifndef MF_LAYERNORM_S16_MVE_H
#define MF_LAYERNORM_S16_MVE_H

#include "mf_norm_s16_mve.h"

static inline void mf_layernorm_s16_mve(
    const void *x,        /* [rows, n] */
    const int32_t *mult,  /* [n], signed */
    const int32_t *add,   /* [n] */
    void *y,              /* [rows, n] */
    int32_t rows, int32_t n, uint64_t eps, int32_t frac, int32_t shift, int32_t types,
    void *scratch /* none */) {
  (void)scratch;
  for (int32_t start = 0; start < rows * n; start += n) {
    int32_t sum;
    uint64_t squares;
    mf_mve_sums_s16(x, start, n, 0, types & MF_A_S16, &sum, &squares);
    const uint64_t sum_squared = (uint64_t)((int64_t)sum * sum);
    const uint64_t spread = (uint64_t)(uint32_t)n * squares - sum_squared + eps;
    const mf_norm_s16_t norm = mf_norm_s16(spread, n, frac);
    mf_mve_norm_s16_row(x, mult, add, y, start, n, sum, norm, shift, types);
  }
}

#endif
