/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of int16 pairs times weights, requantised: what linear and convolution of dsp share. */
#ifndef MF_MATRIX_DSP_H
#define MF_MATRIX_DSP_H

#include "mf_dot_2x4.h"
#include "mf_scaled.h"
#include "mf_spread.h"

/* Bytes of pairs spread at a time; weights are spread anew for each block of them. */
#define MF_BLOCK_BYTES 32768
#define MF_SMALL_BLOCK_BYTES 8192

/* Rows spread at a time: all of them up to `bytes` of pairs, but eight at least; even. */
MF_INLINE int32_t mf_matrix_block(int32_t rows, int32_t k, int32_t bytes) {
  const int32_t fitting = (bytes / (2 * ((k + 3) & ~3))) & ~1;
  const int32_t block = fitting < 8 ? 8 : fitting;
  const int32_t even = (rows + 1) & ~1;
  return even < block ? even : block;
}

/* `count` rows of k bytes as pairs, two side by side; an odd last one is taken twice. */
MF_INLINE void mf_spread_pairs(const int8_t *x, uint32_t *pairs, int32_t count, int32_t k) {
  const int32_t words = ((k + 3) & ~3) >> 1;
  for (int32_t row = 0; row < count; row += 2) {
    const int8_t *from = x + row * k;
    mf_spread_2(from, row + 1 < count ? from + k : from, pairs + row * words, k);
  }
}

/* Four columns of weight from `column` on, and their constants; columns beyond the last repeat it. */
MF_INLINE void mf_fill_panel(
    uint32_t *panel,       /* [words, 4] and 8 more */
    const int8_t *weight,  /* [n, k], rows `stride` apart */
    const int32_t *mult,   /* [n] */
    const int32_t *add,    /* [n] */
    int32_t column, int32_t k, int32_t n, int32_t stride) {
  int32_t *tail = (int32_t *)(panel + 4 * (((k + 3) & ~3) >> 1));
  const int8_t *columns[4];
  for (int32_t j = 0; j < 4; j++) {
    const int32_t c = column + j < n ? column + j : n - 1;
    columns[j] = weight + c * stride;
    tail[2 * j] = mult[c];
    tail[2 * j + 1] = add[c];
  }
  mf_spread_4(columns, panel, k);
}

/* `count` rows of pairs with all columns of weight; a panel of four columns is spread once. */
MF_INLINE void mf_matrix_rows(
    const uint32_t *pairs,  /* [(count + 1) / 2, words, 2], words = 2 ceil(k / 4) */
    uint32_t *panel,        /* working memory [words, 4] and 8 more */
    const int8_t *weight,   /* [n, k] */
    const int32_t *mult,    /* [n] */
    const int32_t *add,     /* [n] */
    const int8_t *lut,      /* [256] or NULL */
    int8_t *y,              /* [count, n] */
    int32_t count, int32_t k, int32_t n, const mf_scale_t *scale) {
  const int32_t words = ((k + 3) & ~3) >> 1;
  const int32_t *tail = (const int32_t *)(panel + 4 * words);
  for (int32_t column = 0; column < n; column += 4) {
    const int32_t width = mf_tile_width(n, column);
    mf_fill_panel(panel, weight, mult, add, column, k, n, k);
    const uint32_t *from = pairs;
    int8_t *to = y + column;
    for (int32_t left = count; left > 0; left -= 2, to += 2 * n) {
      int32_t sums[8];
      from = mf_dot_2x4(from, panel, words, !scale->wide, sums);
      for (int32_t i = 0; i < 8; i++) {
        sums[i] = mf_finished(scale, sums[i], tail + 2 * (i & 3), lut);
      }
      mf_store_2x4(to, n, mf_tile_whole(count, left) ? 2 : 1, width, sums);
    }
  }
}

#endif
