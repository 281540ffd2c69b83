/* SPDX-License-Identifier: Apache-2.0 */
/* Products of recurrent layers, one after another. */
#ifndef MF_ROWS_REF_H
#define MF_ROWS_REF_H

#include "mf_core.h"

/* As mf_rows_t. */
MF_INLINE void mf_rows_ref(const int8_t *h, const int8_t *weight, int32_t stride, int32_t units,
                           int32_t count, int32_t *sums) {
  for (int32_t row = 0; row < count; row++, weight += stride) {
    int32_t acc = 0;
    for (int32_t i = 0; i < units; i++) {
      acc += h[i] * weight[i];
    }
    sums[row] = acc;
  }
}

#endif
