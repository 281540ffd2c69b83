/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax over rows at any output scale, equation (11f). x and y may be the same. */
#ifndef MF_SOFTMAX_S8_FINE_REF_H
#define MF_SOFTMAX_S8_FINE_REF_H

#include "mf_softmax.h"

static inline void mf_softmax_s8_fine_ref(
    const int8_t *x,                /* [rows, n] */
    const int32_t *restrict lut,    /* [256] */
    int8_t *y,                      /* [rows, n] */
    int32_t rows, int32_t n, int64_t numerator, int32_t zero, void *scratch /* none */) {
  (void)scratch;
  for (int32_t row = 0; row < rows; row++, x += n, y += n) {
    const int32_t top = mf_row_max(x, n);
    int64_t denom = 0;
    for (int32_t i = 0; i < n; i++) {
      denom += lut[top - x[i]];
    }
    const int64_t reciprocal = numerator / denom;
    for (int32_t i = 0; i < n; i++) {
      const int64_t scaled = lut[top - x[i]] * reciprocal + ((int64_t)1 << 39);
      y[i] = mf_clamp8_wide(scaled >> 40, zero);
    }
  }
}

#endif
