/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax over rows, probabilities by i-exp, equations (4), (11). x and y may be the same. */
#ifndef MF_SOFTMAX_S8_IBERT_REF_H
#define MF_SOFTMAX_S8_IBERT_REF_H

#include "mf_softmax.h"

static inline void mf_softmax_s8_ibert_ref(
    const int8_t *x, /* [rows, n] */
    int8_t *y,       /* [rows, n] */
    int32_t rows, int32_t n, int32_t preshift, int32_t ln2, int32_t b, int32_t c,
    int32_t exp_shift, void *scratch /* none */) {
  (void)scratch;
  const mf_ibert_t ibert = mf_ibert(preshift, ln2, b, c, exp_shift);
  for (int32_t row = 0; row < rows; row++, x += n, y += n) {
    const int32_t top = mf_row_max(x, n);
    uint32_t denom = 0;
    for (int32_t i = 0; i < n; i++) {
      const int32_t p = mf_ibert_probability(&ibert, top - x[i]);
      denom += (uint32_t)p;
      y[i] = (int8_t)(p - 128);
    }
    mf_softmax_normalize(y, n, denom);
  }
}

#endif
