/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax over rows, probabilities from a table, equations (3a), (11). x and y may be the same. */
#ifndef MF_SOFTMAX_S8_LUT_REF_H
#define MF_SOFTMAX_S8_LUT_REF_H

#include "mf_softmax.h"

static inline void mf_softmax_s8_lut_ref(
    const int8_t *x,               /* [rows, n] */
    const uint8_t *restrict lut,   /* [256] */
    int8_t *y,                     /* [rows, n] */
    int32_t rows, int32_t n, int32_t score_mult, int32_t score_shift, void *scratch /* none */) {
  (void)scratch;
  const mf_lut_t table = mf_lut(lut, score_mult, score_shift);
  for (int32_t row = 0; row < rows; row++, x += n, y += n) {
    const int32_t top = mf_row_max(x, n);
    uint32_t denom = 0;
    for (int32_t i = 0; i < n; i++) {
      const int32_t p = mf_lut_probability(&table, top - x[i]);
      denom += (uint32_t)p;
      y[i] = (int8_t)(p - 128);
    }
    mf_softmax_normalize(y, n, denom);
  }
}

#endif
