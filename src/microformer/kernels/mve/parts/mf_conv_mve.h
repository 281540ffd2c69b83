/* SPDX-License-Identifier: Apache-2.0 */
/* Dense convolution as a matrix product on vectors of int8, equations (1), (2) or (2w), (6).
 *
 * What an output cell sees is gathered to a row, padding included; from there on it is a matrix
 * product. A block of cells at a time, never the whole image. */
#ifndef MF_CONV_MVE_H
#define MF_CONV_MVE_H

#include "mf_matrix_mve.h"
#include "mf_patch.h"

/* Cells gathered at a time: all of them up to 16 KiB, but eight at least. */
static inline int32_t mf_mve_block(int32_t rows, int32_t k) {
  const int32_t fitting = 16384 / k < 8 ? 8 : 16384 / k;
  return rows < fitting ? rows : fitting;
}

/* Arguments as of mf_conv2d_s8_mve_2x4. */
MF_INLINE void mf_mve_conv(
    const int8_t *restrict x,       /* [h, w, c] */
    const int8_t *restrict weight,  /* [n, kh, kw, c] */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [oh, ow, n] */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t n, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t dilation_h,
    int32_t dilation_w, int32_t pad_value, const mf_scale_t *scale,
    void *restrict scratch /* as of linear with k = kh kw c, then int8 [block, k] */) {
  const int32_t k = kh * kw * c, rows = oh * ow, block = mf_mve_block(rows, k);
  int8_t *panel = (int8_t *)scratch;
  int8_t *patches = panel + 4 * mf_padded(k) + 32;
  int32_t oy = 0, ox = 0;
  for (int32_t first = 0; first < rows; first += block) {
    const int32_t count = rows - first < block ? rows - first : block;
    for (int32_t cell = 0; cell < count; cell++) {
      mf_patch(
          x, patches + cell * k, h, w, c, kh, kw, oy * stride_h - pad_top,
          ox * stride_w - pad_left, dilation_h, dilation_w, pad_value);
      if (++ox == ow) {
        ox = 0;
        oy++;
      }
    }
    mf_mve_rows(patches, panel, weight, mult, add, lut, y + first * n, count, k, n, scale);
  }
}

#endif
