/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix product with an int16 result, equations (1), (2). */
#ifndef MF_LINEAR_S8_S16_REF_H
#define MF_LINEAR_S8_S16_REF_H

#include "mf_core.h"

static inline void mf_linear_s8_s16_ref(
    const int8_t *restrict x,      /* [rows, k] */
    const int8_t *restrict weight, /* [n, k] */
    const int32_t *restrict mult,  /* [n] */
    const int32_t *restrict add,   /* [n] */
    const int8_t *lut,             /* none */
    int16_t *restrict y,           /* [rows, n] */
    int32_t rows, int32_t k, int32_t n, int32_t shift, void *scratch /* none */) {
  (void)lut;
  (void)scratch;
  for (int32_t row = 0; row < rows; row++) {
    for (int32_t column = 0; column < n; column++) {
      int32_t acc = 0;
      for (int32_t i = 0; i < k; i++) {
        acc += x[row * k + i] * weight[column * k + i];
      }
      y[row * n + column] = mf_clamp16((acc * mult[column] + add[column]) >> shift);
    }
  }
}

#endif
