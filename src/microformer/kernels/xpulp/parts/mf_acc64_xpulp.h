/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix product and dense convolution with 64-bit requantisation on a cluster, equations (1), (2w),
 * (6): as mf_conv2d_s8_xpulp_4x4, tile by tile. A matrix product is a row of cells. */
#ifndef MF_ACC64_XPULP_H
#define MF_ACC64_XPULP_H

#include "mf_cells_xpulp.h"
#include "mf_panels_xpulp.h"
#include "mf_repack_xpulp.h"

/* What is the same for all tiles. */
typedef struct {
  const int8_t *lut;
  int32_t cells, k, n, shift, zero;
  mf_high_t high;
} mf_acc64_layer_t;

/* Four gathered cells by one panel. */
MF_INLINE void mf_acc64_layer_tile(
    const mf_acc64_layer_t *op, const int8_t *rows, const int32_t *panel, int8_t *y, int32_t below,
    int32_t beside) {
  int32_t s[16];
  const int32_t *const tail =
      mf_tile_4x4(rows, mf_row_stride(op->k), panel, mf_row_words(op->k), s);
  if (op->high.right > 0) {
    const mf_high_t high = op->high;
#pragma GCC unroll 16
    for (int32_t i = 0; i < 16; i++) {
      const int32_t *const of = tail + 2 * (i & 3);
      s[i] = mf_quantized_high(&high, s[i] + of[1], of[0]);
    }
  } else {
#pragma GCC unroll 1
    for (int32_t i = 0; i < 16; i++) {
      const int32_t *const of = tail + 2 * (i & 3);
      s[i] = mf_requantize_wide(s[i], of[0], of[1], op->shift, op->zero);
    }
  }
  for (int32_t i = 0; op->lut != NULL && i < 16; i++) {
    s[i] = op->lut[s[i] + 128];
  }
  mf_store_4x4(y, op->n, s, below, beside);
}

/* All of it; `scratch` holds panels, the LUT, four rows a core. */
MF_INLINE void mf_acc64_xpulp(
    const mf_conv_t *conv, const int32_t *weight, mf_acc64_layer_t *op, int8_t *y, void *scratch) {
  const int32_t k = op->k, n = op->n, size = mf_panel_words(k), quads = (op->cells + 3) >> 2;
  int8_t *const l1_lut = (int8_t *)((int32_t *)scratch + mf_resident_words(weight, k, n));
  int8_t *const rows =
      l1_lut + mf_l1_room(op->lut, 256) + 4 * mf_core() * mf_row_stride(k);
  mf_residents_t residents = mf_residents(weight, (int32_t *)scratch, k, n);
  if (op->lut != NULL) {
    op->lut = (const int8_t *)mf_in_l1(op->lut, l1_lut, 256);
  }
  while (mf_next_panels(&residents)) {
    const int32_t count = residents.count;
    const mf_tiles_t part = mf_share_lines(quads, count);
    int32_t quad = part.line, at = part.at;
    for (int32_t left = part.count; left > 0; quad++, at = 0) {
      const int32_t end = at + left < count ? at + left : count;
      left -= end - at;
      mf_gather_quad(conv, rows, quad, op->cells, mf_row_stride(k));
      for (; at < end; at++) {
        const int32_t column = 4 * (residents.first + at);
        mf_acc64_layer_tile(
            op, rows, residents.at + at * size, y + 4 * quad * n + column, op->cells - 4 * quad,
            n - column);
      }
    }
  }
}

#endif
