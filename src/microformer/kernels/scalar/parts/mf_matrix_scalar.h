/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix product and convolution on pairs, equations (1), (2) or (2w), (6): a block of rows is made
 * pairs once for all columns, four columns once for all rows of the block. */
#ifndef MF_MATRIX_SCALAR_H
#define MF_MATRIX_SCALAR_H

#include "mf_pairs_scalar.h"
#include "mf_patch.h"
#include "mf_scaled.h"

/* Bytes of pairs at a time. */
#define MF_SCALAR_BLOCK_BYTES 8192

/* Rows at a time: all of them up to 8 KiB of pairs, but four at least. */
MF_INLINE int32_t mf_scalar_block(int32_t rows, int32_t k) {
  const int32_t fitting = MF_SCALAR_BLOCK_BYTES / (4 * mf_pairs_of(k));
  const int32_t block = fitting < 4 ? 4 : fitting;
  return rows < block ? rows : block;
}

/* `count` rows of pairs with all columns. */
MF_INLINE void mf_scalar_rows(
    const uint32_t *pairs,  /* [count, ceil(k / 2)] */
    uint32_t *panel,        /* working memory [ceil(k / 2), 4] */
    const int8_t *weight,   /* [n, k] */
    const int32_t *mult,    /* [n] */
    const int32_t *add,     /* [n] */
    const int8_t *lut,      /* [256] or NULL */
    int8_t *y,              /* [count, n] */
    int32_t count, int32_t k, int32_t n, const mf_scale_t *scale) {
  const int32_t words = mf_pairs_of(k);
  for (int32_t column = 0; column < n; column += 4) {
    const int32_t width = mf_tile_width(n, column);
    mf_pairs_of_columns(weight + column * k, panel, k, width);
    const uint32_t *from = pairs;
    int8_t *to = y + column;
    for (int32_t row = 0; row < count; row++, from += words, to += n) {
      int32_t sums[4];
      mf_pairs_dot_1x4(from, panel, words, sums);
      for (int32_t j = 0; j < width; j++) {
        const int32_t c = column + j;
        to[j] = mf_lookup(lut, (int8_t)mf_scaled(scale, sums[j], mult[c], add[c]));
      }
    }
  }
}

/* Arguments as of mf_linear_s8_scalar_1x4. */
MF_INLINE void mf_scalar_linear(
    const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict mult,
    const int32_t *restrict add, const int8_t *restrict lut, int8_t *restrict y, int32_t rows,
    int32_t k, int32_t n, const mf_scale_t *scale, void *restrict scratch) {
  const int32_t words = mf_pairs_of(k), block = mf_scalar_block(rows, k);
  uint32_t *panel = (uint32_t *)scratch;
  uint32_t *pairs = panel + 4 * words;
  for (int32_t first = 0; first < rows; first += block) {
    const int32_t count = rows - first < block ? rows - first : block;
    for (int32_t row = 0; row < count; row++) {
      mf_pairs_of_row(x + (first + row) * k, pairs + row * words, k);
    }
    mf_scalar_rows(pairs, panel, weight, mult, add, lut, y + first * n, count, k, n, scale);
  }
}

/* Arguments as of mf_conv2d_s8_scalar_1x4: what a cell sees is gathered to a row. */
MF_INLINE void mf_scalar_conv(
    const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict mult,
    const int32_t *restrict add, const int8_t *restrict lut, int8_t *restrict y, int32_t h,
    int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t n, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t dilation_h,
    int32_t dilation_w, int32_t pad_value, const mf_scale_t *scale, void *restrict scratch) {
  const int32_t k = kh * kw * c, words = mf_pairs_of(k), rows = oh * ow;
  const int32_t block = mf_scalar_block(rows, k);
  uint32_t *panel = (uint32_t *)scratch;
  uint32_t *pairs = panel + 4 * words;
  int8_t *patch = (int8_t *)(pairs + block * words);
  int32_t oy = 0, ox = 0;
  for (int32_t first = 0; first < rows; first += block) {
    const int32_t count = rows - first < block ? rows - first : block;
    for (int32_t cell = 0; cell < count; cell++) {
      mf_patch(
          x, patch, h, w, c, kh, kw, oy * stride_h - pad_top, ox * stride_w - pad_left, dilation_h,
          dilation_w, pad_value);
      mf_pairs_of_row(patch, pairs + cell * words, k);
      if (++ox == ow) {
        ox = 0;
        oy++;
      }
    }
    mf_scalar_rows(pairs, panel, weight, mult, add, lut, y + first * n, count, k, n, scale);
  }
}

/* Few rows: one row by four columns where they lie. Arguments as of mf_linear_s8_scalar_row. */
MF_INLINE void mf_scalar_few_rows(
    const int8_t *restrict x, const int8_t *restrict weight, const int32_t *restrict mult,
    const int32_t *restrict add, const int8_t *restrict lut, int8_t *restrict y, int32_t rows,
    int32_t k, int32_t n, const mf_scale_t *scale) {
  for (int32_t row = 0; row < rows; row++, x += k) {
    for (int32_t column = 0; column < n; column += 4) {
      const int32_t width = mf_tile_width(n, column);
      const int8_t *first = weight + column * k;
      const int8_t *second = width > 1 ? first + k : first;
      const int8_t *third = width > 2 ? second + k : second;
      const int8_t *fourth = width > 3 ? third + k : third;
      int32_t sums[4] = {0, 0, 0, 0};
#pragma GCC unroll 4
      for (int32_t i = 0; i < k; i++) {
        const int32_t value = x[i];
        sums[0] += value * first[i];
        sums[1] += value * second[i];
        sums[2] += value * third[i];
        sums[3] += value * fourth[i];
      }
      for (int32_t j = 0; j < width; j++) {
        const int32_t c = column + j;
        *y++ = mf_lookup(lut, (int8_t)mf_scaled(scale, sums[j], mult[c], add[c]));
      }
    }
  }
}

#endif
