/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of bytes from one row distance to another: a part of a Concat, a Slice of step 1. */
#ifndef MF_COPY2D_S8_XPULP_H
#define MF_COPY2D_S8_XPULP_H

#include "mf_move_xpulp.h"

static inline void mf_copy2d_s8_xpulp(
    const int8_t *restrict x, /* rows of width bytes from x_offset, x_stride apart */
    int8_t *restrict y,       /* rows of width bytes from y_offset, y_stride apart */
    int32_t rows, int32_t width, int32_t x_offset, int32_t x_stride, int32_t y_offset,
    int32_t y_stride) {
  const int8_t *const from = x + x_offset;
  int8_t *const to = y + y_offset;
  if (!mf_is_in_l1(x)) {
    if (mf_core() == 0) {
      mf_copied(mf_copy_rows(to, from, width, rows, y_stride, x_stride));
    }
    return;
  }
  const int32_t words = (width + 3) >> 2;
  const mf_share_t share = mf_share_words(rows * words);
  int32_t row = share.begin / words, word = share.begin % words;
  for (int32_t left = share.end - share.begin; left > 0; row++, word = 0) {
    const int32_t end = word + left < words ? word + left : words;
    const int32_t count = (4 * end < width ? 4 * end : width) - 4 * word;
    mf_move(from + row * x_stride + 4 * word, to + row * y_stride + 4 * word, count);
    left -= end - word;
  }
}

#endif
