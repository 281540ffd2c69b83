/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a table by index, equation (12); an index outside the table takes the nearest row. */
#ifndef MF_EMBEDDING_S8_REF_H
#define MF_EMBEDDING_S8_REF_H

#include "mf_core.h"

static inline void mf_embedding_s8_ref(
    const int32_t *restrict index, /* [rows] */
    const int8_t *restrict table,  /* [vocabulary, width] */
    int8_t *restrict y,            /* [rows, width] */
    int32_t rows, int32_t vocabulary, int32_t width) {
  for (int32_t row = 0; row < rows; row++, y += width) {
    const int32_t last = vocabulary - 1;
    const int32_t high = index[row] > last ? last : index[row];
    const int8_t *from = table + (high < 0 ? 0 : high) * width;
    for (int32_t i = 0; i < width; i++) {
      y[i] = from[i];
    }
  }
}

#endif
