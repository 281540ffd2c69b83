/* SPDX-License-Identifier: Apache-2.0 */
/* The place of the largest value of each row, the first of several, equation (17). */
#ifndef MF_ARGMAX_S8_REF_H
#define MF_ARGMAX_S8_REF_H

#include "mf_core.h"

static inline void mf_argmax_s8_ref(
    const int8_t *restrict x, /* [rows, width] */
    int32_t *restrict y,      /* [rows] */
    int32_t rows, int32_t width) {
  for (int32_t row = 0; row < rows; row++, x += width) {
    int32_t best = 0;
    for (int32_t i = 1; i < width; i++) {
      best = x[i] > x[best] ? i : best;
    }
    y[row] = best;
  }
}

#endif
