/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix product requantised in 64 bits, and an optional LUT, equations (1), (2w), (6). */
#ifndef MF_LINEAR_S8_ACC64_REF_H
#define MF_LINEAR_S8_ACC64_REF_H

#include "mf_core.h"

static inline void mf_linear_s8_acc64_ref(
    const int8_t *restrict x,       /* [rows, k] */
    const int8_t *restrict weight,  /* [n, k] */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [rows, n] */
    int32_t rows, int32_t k, int32_t n, int32_t shift, int32_t zero, void *scratch /* none */) {
  (void)scratch;
  for (int32_t row = 0; row < rows; row++, x += k) {
    const int8_t *w = weight;
    for (int32_t channel = 0; channel < n; channel++, w += k) {
      int32_t acc = 0;
      for (int32_t i = 0; i < k; i++) {
        acc += x[i] * w[i];
      }
      *y++ = mf_lookup(lut, mf_requantize_wide(acc, mult[channel], add[channel], shift, zero));
    }
  }
}

#endif
