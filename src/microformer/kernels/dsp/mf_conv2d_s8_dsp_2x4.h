/* Dense convolution as a matrix product on pairs of int16, equations (1), (2), (6).
 *
 * What an output cell sees is gathered to a row, padding included, and spread to pairs; from there
 * on it is mf_linear_s8_dsp_2x4. A block of cells at a time, never the whole image. */
#ifndef MF_CONV2D_S8_DSP_2X4_H
#define MF_CONV2D_S8_DSP_2X4_H

#include "mf_matrix_dsp.h"
#include "mf_patch.h"

static inline void mf_conv2d_s8_dsp_2x4(
    const int8_t *restrict x,       /* [h, w, c] */
    const int8_t *restrict weight,  /* [n, kh, kw, c] */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict table,   /* [256] or NULL */
    int8_t *restrict y,             /* [oh, ow, n] */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t n, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t dilation_h,
    int32_t dilation_w, int32_t groups /* 1 */, int32_t pad_value, int32_t shift,
    void *restrict scratch /* as of linear with k = kh kw c, then int8 [2, words * 2] */) {
  (void)groups;
  const int32_t k = kh * kw * c, words = ((k + 3) & ~3) >> 1, rows = oh * ow;
  const int32_t block = mf_matrix_block(rows, k);
  uint32_t *panel = (uint32_t *)scratch;
  uint32_t *pairs = panel + 4 * words + MF_PANEL_TAIL;
  int8_t *patch = (int8_t *)(pairs + block * words);
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
    mf_matrix_rows(pairs, panel, weight, mult, add, table, y + first * n, count, k, n, shift);
  }
}

#endif
