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

/* One cell of the output: where it begins, and bytes from one row of the kernel to the next. */
typedef struct {
  const int8_t *at;
  int32_t pitch;
} mf_mve_cell_t;

/* Cells at a time: all of them up to 64. */
static inline int32_t mf_mve_cells(int32_t rows) { return rows < 64 ? rows : 64; }

/* As mf_mve_conv where a row of the kernel is whole vectors: cells whose taps all lie in the image are
 * read where they lie, only those at the border are gathered. */
MF_INLINE void mf_mve_conv_in_place(
    const int8_t *restrict x,       /* [h, w, c] */
    const int8_t *restrict weight,  /* [n, kh, kw, c], kw c a multiple of 16 */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [oh, ow, n] */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t n, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t dilation_h,
    int32_t pad_value, const mf_scale_t *scale,
    void *restrict scratch /* cells [block], as of linear with k = kh kw c, int8 [block, k] */) {
  const int32_t part = kw * c, k = kh * part, rows = oh * ow, block = mf_mve_cells(rows);
  mf_mve_cell_t *cells = (mf_mve_cell_t *)scratch;
  int8_t *panel = (int8_t *)(cells + block);
  int32_t *constants = (int32_t *)(panel + 4 * k);
  int8_t *patches = (int8_t *)(constants + 8);
  int32_t oy = 0, ox = 0;
  for (int32_t first = 0; first < rows; first += block) {
    const int32_t count = rows - first < block ? rows - first : block;
    int8_t *patch = patches;
    for (int32_t cell = 0; cell < count; cell++) {
      const int32_t top = oy * stride_h - pad_top, left = ox * stride_w - pad_left;
      if (top >= 0 && top + (kh - 1) * dilation_h < h && left >= 0 && left + kw <= w) {
        cells[cell].at = x + (top * w + left) * c;
        cells[cell].pitch = dilation_h * w * c;
      } else {
        mf_patch(x, patch, h, w, c, kh, kw, top, left, dilation_h, 1, pad_value);
        cells[cell].at = patch, cells[cell].pitch = part;
        patch += k;
      }
      if (++ox == ow) {
        ox = 0;
        oy++;
      }
    }
    for (int32_t column = 0; column < n; column += 4) {
      const int32_t width = mf_tile_width(n, column);
      mf_mve_panel(weight + column * k, panel, k, k, width);
      for (int32_t j = 0; j < 4; j++) {
        constants[j] = mult[column + (j < width ? j : width - 1)];
        constants[4 + j] = add[column + (j < width ? j : width - 1)];
      }
      int8_t *to = y + first * n + column;
      const mf_mve_cell_t *at = cells;
      for (int32_t left = count; left > 0; left -= 2, at += 2, to += 2 * n) {
        const int32_t two = mf_tile_whole(rows, left);
        const mf_mve_cell_t *other = two ? at + 1 : at;
        int32_t sums[8];
        mf_mve_dot_parts_2x4(
            at->at, at->pitch, other->at, other->pitch, panel, part, kh, sums);
        mf_mve_store_4(sums, constants, constants + 4, lut, to, width, scale);
        if (two) {
          mf_mve_store_4(sums + 4, constants, constants + 4, lut, to + n, width, scale);
        }
      }
    }
  }
}

#endif
