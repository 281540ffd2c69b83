/* SPDX-License-Identifier: Apache-2.0 */
/* LayerNorm over rows from exact integer sums, equation (7). x and y may be the same buffer. */
#ifndef MF_LAYERNORM_S8_REF_H
#define MF_LAYERNORM_S8_REF_H

#include "mf_norm.h"

static inline void mf_layernorm_s8_ref(
    const int8_t *x,               /* [rows, n] */
    const int32_t *restrict mult,  /* [n], signed */
    const int32_t *restrict add,   /* [n] */
    int8_t *y,                     /* [rows, n] */
    int32_t rows, int32_t n, uint64_t eps, int32_t frac, int32_t shift, void *scratch /* none */) {
  (void)scratch;
  for (int32_t row = 0; row < rows; row++, x += n, y += n) {
    int32_t sum = 0;
    uint32_t squares = 0;
    for (int32_t i = 0; i < n; i++) {
      const int32_t value = x[i];
      sum += value;
      squares += (uint32_t)(value * value);
    }
    const uint64_t sum_squared = (uint64_t)((int64_t)sum * sum);
    const mf_norm_t norm = mf_norm((uint64_t)(uint32_t)n * squares - sum_squared + eps, n, frac);
    for (int32_t i = 0; i < n; i++) {
      const int32_t h = ((n * x[i] - sum) * norm.scale + norm.round) >> norm.shift;
      y[i] = mf_requantize(h, mult[i], add[i], shift);
    }
  }
}

#endif
