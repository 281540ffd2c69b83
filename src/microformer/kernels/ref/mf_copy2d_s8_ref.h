/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of bytes from one row distance to another: a part of a Concat, a Slice of step 1. */
#ifndef MF_COPY2D_S8_REF_H
#define MF_COPY2D_S8_REF_H

#include "mf_core.h"

static inline void mf_copy2d_s8_ref(
    const int8_t *restrict x, /* rows of width bytes from x_offset, x_stride apart */
    int8_t *restrict y,       /* rows of width bytes from y_offset, y_stride apart */
    int32_t rows, int32_t width, int32_t x_offset, int32_t x_stride, int32_t y_offset,
    int32_t y_stride) {
  for (int32_t row = 0; row < rows; row++) {
    const int8_t *from = x + (x_offset + row * x_stride);
    int8_t *to = y + (y_offset + row * y_stride);
    for (int32_t i = 0; i < width; i++) {
      to[i] = from[i];
    }
  }
}

#endif
