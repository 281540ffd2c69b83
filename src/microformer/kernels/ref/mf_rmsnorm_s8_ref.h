/* SPDX-License-Identifier: Apache-2.0 */
/* RMSNorm over rows from exact integer sums, equation (7). x and y may be the same buffer. */
#ifndef MF_RMSNORM_S8_REF_H
#define MF_RMSNORM_S8_REF_H

#include "mf_norm.h"

static inline void mf_rmsnorm_s8_ref(
    const int8_t *x,               /* [rows, n] */
    const int32_t *restrict mult,  /* [n], signed */
    const int32_t *restrict add,   /* [n] */
    int8_t *y,                     /* [rows, n] */
    int32_t rows, int32_t n, uint64_t eps, int32_t frac, int32_t shift, int32_t zero_point,
    void *scratch /* none */) {
  (void)scratch;
  for (int32_t row = 0; row < rows; row++, x += n, y += n) {
    uint32_t squares = 0;
    for (int32_t i = 0; i < n; i++) {
      const int32_t value = x[i] - zero_point;
      squares += (uint32_t)(value * value);
    }
    const mf_norm_t norm = mf_norm((uint64_t)(uint32_t)n * squares + eps, n, frac);
    for (int32_t i = 0; i < n; i++) {
      const int32_t h = (n * (x[i] - zero_point) * norm.scale + norm.round) >> norm.shift;
      y[i] = mf_requantize(h, mult[i], add[i], shift);
    }
  }
}

#endif
