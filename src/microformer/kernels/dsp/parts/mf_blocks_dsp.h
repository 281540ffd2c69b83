/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix product and convolution of dsp in blocks of rows, equations (1), (2) or (2w), (6).
 *
 * Both operands are spread to int16 pairs before the inner loop, so that it is nothing but loads
 * and multiply-accumulates: six loads and eight SMLAD for sixteen products. A block of rows is
 * spread once for all columns, a panel of four columns once for all rows of the block: with small
 * blocks weights are spread more often. */
#ifndef MF_BLOCKS_DSP_H
#define MF_BLOCKS_DSP_H

#include "mf_matrix_dsp.h"
#include "mf_patch.h"

/* Arguments as of mf_linear_s8_dsp_2x4; a block has up to `bytes` of pairs. */
MF_INLINE void mf_linear_blocks(
    const int8_t *restrict x,       /* [rows, k] */
    const int8_t *restrict weight,  /* [n, k] */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [rows, n] */
    int32_t rows, int32_t k, int32_t n, const mf_scale_t *scale,
    void *restrict scratch, int32_t bytes) {
  const int32_t words = ((k + 3) & ~3) >> 1;
  const int32_t block = mf_matrix_block(rows, k, bytes);
  uint32_t *panel = (uint32_t *)scratch;
  uint32_t *pairs = panel + 4 * words + MF_PANEL_TAIL;
  for (int32_t first = 0; first < rows; first += block) {
    const int32_t count = rows - first < block ? rows - first : block;
    mf_spread_pairs(x + first * k, pairs, count, k);
    mf_matrix_rows(pairs, panel, weight, mult, add, lut, y + first * n, count, k, n, scale);
  }
}

/* Arguments as of mf_conv2d_s8_dsp_2x4. What an output cell sees is gathered to a row, padding
 * included, and spread to pairs; from there on it is the matrix product. */
MF_INLINE void mf_conv_blocks(
    const int8_t *restrict x,       /* [h, w, c] */
    const int8_t *restrict weight,  /* [n, kh, kw, c] */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [oh, ow, n] */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t n, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t dilation_h,
    int32_t dilation_w, int32_t pad_value, const mf_scale_t *scale, void *restrict scratch,
    int32_t bytes) {
  const int32_t k = kh * kw * c, words = ((k + 3) & ~3) >> 1, rows = oh * ow;
  const int32_t block = mf_matrix_block(rows, k, bytes);
  uint32_t *panel = (uint32_t *)scratch;
  int8_t *patch = (int8_t *)(panel + 4 * words + MF_PANEL_TAIL); /* [2, words * 2] */
  uint32_t *pairs = panel + 5 * words + MF_PANEL_TAIL;
  int32_t oy = 0, ox = 0;
  for (int32_t first = 0; first < rows; first += block) {
    const int32_t count = rows - first < block ? rows - first : block;
    for (int32_t cell = 0; cell < count; cell++) {
      mf_patch(
          x, patch + (cell & 1) * 2 * words, h, w, c, kh, kw, oy * stride_h - pad_top,
          ox * stride_w - pad_left, dilation_h, dilation_w, pad_value);
      if (++ox == ow) {
        ox = 0;
        oy++;
      }
      if ((cell & 1) != 0 || cell == count - 1) { /* an odd last cell is taken twice */
        const int8_t *other = patch + (cell & 1) * 2 * words;
        mf_spread_2(patch, other, pairs + (cell & ~1) * words, k);
      }
    }
    mf_matrix_rows(pairs, panel, weight, mult, add, lut, y + first * n, count, k, n, scale);
  }
}

#endif
