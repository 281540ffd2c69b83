/* SPDX-License-Identifier: Apache-2.0 */
/* LayerNorm with the sums on pairs of int16, equation (7). x and y may be the same buffer. */
#ifndef MF_LAYERNORM_S8_DSP_H
#define MF_LAYERNORM_S8_DSP_H

#include "mf_norm_dsp.h"

static inline void mf_layernorm_s8_dsp(
    const int8_t *x,               /* [rows, n] */
    const int32_t *restrict mult,  /* [n], signed */
    const int32_t *restrict add,   /* [n] */
    int8_t *y,                     /* [rows, n] */
    int32_t rows, int32_t n, uint64_t eps, int32_t frac, int32_t shift, void *scratch /* none */) {
  (void)scratch;
  for (int32_t row = 0; row < rows; row++, x += n, y += n) {
    const mf_sums_t sums = mf_row_sums(x, n);
    const uint64_t sum_squared = (uint64_t)((int64_t)sums.sum * sums.sum);
    const uint64_t spread = (uint64_t)(uint32_t)n * sums.squares - sum_squared + eps;
    mf_norm_row(x, y, mult, add, n, sums.sum, shift, mf_norm(spread, n, frac));
  }
}

#endif
