/* SPDX-License-Identifier: Apache-2.0 */
/* Dense channel-last convolution on a cluster, equations (1), (2), (6): four cells are gathered to
 * rows of a matrix product, which then go through all panels of weights that are in L1. */
#ifndef MF_CONV2D_S8_XPULP_4X4_H
#define MF_CONV2D_S8_XPULP_4X4_H

#include "mf_cells_xpulp.h"
#include "mf_panels_xpulp.h"

/* This core's share of (quad of cells, panel), quads outside. */
MF_INLINE void mf_conv_panels(
    const mf_conv_t *conv, const int32_t *panels, const int8_t *lut, int8_t *y, int8_t *rows,
    int32_t cells, int32_t k, int32_t count, int32_t width, int32_t n, int32_t shift) {
  const int32_t words = mf_row_words(k), stride = mf_row_stride(k), size = mf_panel_words(k);
  const mf_share_t share = mf_share((cells + 3) / 4 * count);
  int32_t quad = share.begin / count, panel = share.begin - quad * count;
  for (int32_t left = share.end - share.begin; left > 0; quad++, panel = 0) {
    const int32_t end = panel + left < count ? panel + left : count;
    left -= end - panel;
    mf_gather_quad(conv, rows, quad, cells, stride);
    while (panel < end) {
      const int32_t below = cells - 4 * quad, whole = (below < 4 ? 0 : width >> 2) - panel;
      mf_run_t run = {rows, stride, 0, panels + panel * size, size, words,
                      y + (4 * quad * n + 4 * panel), n, 4, whole < end - panel ? whole : end - panel};
      if (run.count > 0) {
        mf_run_whole(&run, shift, lut);
        panel += run.count;
      } else {
        mf_run_edge(&run, shift, lut, below, width - 4 * panel);
        panel++;
      }
    }
  }
}

static inline void mf_conv2d_s8_xpulp_4x4(
    const int8_t *restrict x,       /* [h, w, c] */
    const int32_t *restrict weight, /* panels of four columns (mf_matrix_xpulp.h) */
    const int32_t *restrict mult,   /* NULL: with the weights */
    const int32_t *restrict add,    /* NULL */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [oh, ow, n] */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t n, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t dilation_h,
    int32_t dilation_w, int32_t groups, int32_t pad_value, int32_t shift,
    void *restrict scratch /* panels, lut, four rows a core */) {
  const int32_t k = kh * kw * c;
  int8_t *const l1_lut = (int8_t *)((int32_t *)scratch + mf_resident_words(weight, k, n));
  int8_t *const rows = l1_lut + mf_l1_room(lut, 256) + 4 * mf_core() * mf_row_stride(k);
  const mf_conv_t conv = {
      {x, h, w, c, pad_value}, ow, kh, kw, stride_h, stride_w, pad_top, pad_left, dilation_h,
      dilation_w};
  (void)mult, (void)add, (void)groups;
  mf_residents_t residents = mf_residents(weight, (int32_t *)scratch, k, n);
  const int8_t *const looked_up =
      lut != NULL ? (const int8_t *)mf_in_l1(lut, l1_lut, 256) : NULL;
  while (mf_next_panels(&residents)) {
    const int32_t first = 4 * residents.first;
    mf_conv_panels(
        &conv, residents.at, looked_up, y + first, rows, oh * ow, k, residents.count, n - first, n,
        shift);
  }
}

#endif
