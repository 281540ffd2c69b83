/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution and maximum over windows on a cluster, equations (1), (2), (6): no map in memory.
 *
 * (2) rises with the sum, so the maximum is taken of sums and (2) is done once a window. A core
 * stages what four windows (or one) see of the image to rows of an odd number of words; there, what
 * a cell sees of one row of the kernel lies in whole words side by side, and nothing is gathered. */
#ifndef MF_CONV_POOL_S8_XPULP_4X4_H
#define MF_CONV_POOL_S8_XPULP_4X4_H

#include "mf_band_xpulp.h"

/* The sums of a 4x4 tile whose rows are `stride` bytes apart, a row of the kernel `line` bytes. */
MF_INLINE const int32_t *mf_tile_lines(
    const int8_t *a, int32_t stride, int32_t line, int32_t lines, const int32_t *columns,
    int32_t words, int32_t s[16]) {
  columns = mf_tile_4x4(a, stride, columns, words, s);
  for (int32_t i = 1; i < lines; i++) {
    columns = mf_tile_more_4x4(a + i * line, stride, columns, words, s);
  }
  return columns;
}

/* A word to each of y's rows, as far as there are `below` rows and `beside` columns. */
MF_INLINE void mf_store_some(
    int8_t *y, int32_t pitch, const int32_t words[4], int32_t below, int32_t beside) {
  for (int32_t i = 0; i < 4 && i < below; i++, y += pitch) {
    if (beside >= 4) {
      mf_put_word(y, words[i]);
    } else {
      __builtin_memcpy(y, &words[i], (size_t)beside);
    }
  }
}

/* The maxima of sums over the windows of a band, for one panel; returns its constants. */
MF_INLINE const int32_t *mf_window_sums(
    const mf_band_t *band, const int8_t *rows, const int32_t *panel, int32_t best[16]) {
  const int32_t line = band->dilation_h * band->pitch, wide = band->step_w * band->pool_w;
  const int32_t along = mf_along(band);
  const int32_t last = wide - (along ? 4 * band->step_w : band->step_w);
  const int32_t next = along ? 4 * band->step_w : band->step_w;
  const int32_t stride = along ? band->step_w : band->stride_w;
  const int32_t *constants = panel;
  for (int32_t i = 0; i < 16; i++) {
    best[i] = INT32_MIN;
  }
  for (int32_t py = 0; py < band->pool_h; py++) {
    const int8_t *row = rows + py * band->step_h * band->pitch;
    for (int32_t at = 0; at < wide; at += next) {
      int32_t s[16];
      constants = mf_tile_lines(
          row + (at < last ? at : last), stride, line, band->kh, panel, band->words, s);
      for (int32_t i = 0; i < 16; i++) {
        best[i] = mf_max(best[i], s[i]);
      }
    }
  }
  return constants;
}

/* This core's share of (group of windows, panel), groups outside. */
MF_INLINE void mf_conv_pool_panels(
    const mf_band_t *band, const int32_t *panels, const int8_t *lut, int8_t *y, int8_t *rows,
    int32_t oh, int32_t count, int32_t width, int32_t n, int32_t shift) {
  const int32_t across = mf_along(band) ? 1 : 4, groups = (band->ow + across - 1) / across;
  const int32_t size = 4 * band->kh * band->words + 9;
  const mf_share_t share = mf_share(oh * groups * count);
  int32_t group = share.begin / count, panel = share.begin - group * count;
  for (int32_t left = share.end - share.begin; left > 0; group++, panel = 0) {
    const int32_t end = panel + left < count ? panel + left : count;
    const int32_t oy = group / groups, ox = (group - oy * groups) * across;
    int8_t *const to = y + (oy * band->ow + ox) * n;
    left -= end - panel;
    mf_stage_band(band, rows, oy, ox, 0);
    for (; panel < end; panel++) {
      int32_t s[16], out[4];
      const int32_t *constants = mf_window_sums(band, rows, panels + panel * size, s);
      for (int32_t i = 0; across == 1 && i < 4; i++) {
        s[i] = mf_max(mf_max(s[i], s[i + 4]), mf_max(s[i + 8], s[i + 12]));
      }
      if (lut != NULL) {
        mf_requantize_rows_table(s, constants, shift, lut + 128, out);
      } else {
        mf_requantize_rows(s, constants, shift, out);
      }
      const int32_t below = across == 1 ? 1 : band->ow - ox;
      mf_store_some(to + 4 * panel, n, out, below, width - 4 * panel);
    }
  }
}

static inline void mf_conv_pool_s8_xpulp_4x4(
    const int8_t *restrict x,       /* [h, w, c] */
    const int32_t *restrict weight, /* panels of four columns, each row of the kernel whole words */
    const int32_t *restrict mult,   /* NULL: with the weights */
    const int32_t *restrict add,    /* NULL */
    const int8_t *restrict lut,     /* [256], never falling, or NULL */
    int8_t *restrict y,             /* [oh, ow, n], windows lie inside the convolution's map */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t n, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t dilation_h,
    int32_t dilation_w, int32_t groups, int32_t pad_value, int32_t shift, int32_t pool_h,
    int32_t pool_w, int32_t pool_stride_h, int32_t pool_stride_w,
    void *restrict scratch /* panels, lut, a band a core */) {
  mf_band_t band = {.image = {x, h, w, c, pad_value}, .ow = ow, .kh = kh, .dilation_h = dilation_h};
  band.words = mf_row_words(kw * c);
  band.step_h = stride_h, band.step_w = stride_w * c;
  band.pool_h = pool_h, band.pool_w = pool_w;
  band.stride_h = stride_h * pool_stride_h, band.stride_w = stride_w * pool_stride_w * c;
  band.pad_top = pad_top, band.pad_left = pad_left;
  band.rows = (pool_h - 1) * stride_h + (kh - 1) * dilation_h + 1;
  const int32_t reach = mf_along(&band) ? 0 : 3 * pool_stride_w;
  band.cells = (reach + pool_w - 1) * stride_w + kw;
  band.pitch = mf_row_stride(band.cells * c + 3);
  const int32_t k = 4 * kh * band.words;
  int8_t *const l1_lut = (int8_t *)((int32_t *)scratch + mf_resident_words(weight, k, n));
  int8_t *const rows =
      l1_lut + mf_l1_room(lut, 256) + mf_core() * mf_own_bytes(band.rows * band.pitch);
  (void)mult, (void)add, (void)groups, (void)dilation_w;
  mf_residents_t residents = mf_residents(weight, (int32_t *)scratch, k, n);
  const int8_t *const looked_up =
      lut != NULL ? (const int8_t *)mf_in_l1(lut, l1_lut, 256) : NULL;
  while (mf_next_panels(&residents)) {
    const int32_t first = 4 * residents.first;
    mf_conv_pool_panels(
        &band, residents.at, looked_up, y + first, rows, oh, residents.count, n - first, n, shift);
  }
}

#endif
