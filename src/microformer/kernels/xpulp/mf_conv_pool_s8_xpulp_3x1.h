/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution of few weights a channel and maximum over windows on a cluster, equations (1), (2),
 * (6): the kernel stays in registers (mf_small_kernel_xpulp.h), no map is in memory.
 *
 * A core stages what some windows of a row see of the image, once for each place in a word that a
 * cell can begin at. (2) rises with the sum, so it is done once a window. */
#ifndef MF_CONV_POOL_S8_XPULP_3X1_H
#define MF_CONV_POOL_S8_XPULP_3X1_H

#include "mf_band_xpulp.h"
#include "mf_small_kernel_xpulp.h"

#define MF_SMALL_KERNEL_WINDOWS 16 /* at most, that are staged at once */
#define MF_SMALL_KERNEL_WORDS 11   /* of a channel: nine of the kernel, multiplier and constant of (2) */

/* A row of windows for one channel. `phase` is the place in a word that the cells begin at, of
 * `phases`; after as many windows, cells begin at the same places again. */
typedef struct {
  int32_t pool_w, step, phase, phases, windows;
} mf_small_t;

/* The maximum over the cells of window `i` of as many as there are phases. */
MF_INLINE int32_t mf_small_window(
    const mf_small_t *row, mf_columns_t *columns, const int8_t *from, const int8_t **at,
    const int32_t *w, int32_t i, int32_t most) {
  const int32_t before = row->phases - 1 - row->phase;
  const int32_t first = (i * row->step + before) / row->phases;
  const int32_t count = (i * row->step + row->pool_w + before) / row->phases - first;
  if (row->step != row->pool_w) { /* there are cells between */
    *at = from + 4 * first;
    mf_first_columns(columns, *at);
    *at += 8;
  }
  for (int32_t cell = 0; cell + 2 <= count; cell += 2) {
    most = mf_two_cells(columns, at, w, most);
  }
  return (count & 1) != 0 ? mf_one_cell(columns, at, w, most) : most;
}

/* Maxima over the windows of a row, on top of those in `best` if `more`. */
MF_INLINE void mf_small_row(
    const mf_small_t *row, const int8_t *from, const int32_t *w, int32_t *best, int32_t more) {
  mf_columns_t columns;
  const int8_t *at = from + 8;
  mf_first_columns(&columns, from);
  for (int32_t i = 0; i < row->windows; i += row->phases, from += 4 * row->step) {
#define MF_SMALL_KERNEL_ONE(I)                                              \
  if ((I) < row->phases) {                                            \
    best[i + (I)] = mf_small_window(                                  \
        row, &columns, from, &at, w, I, more ? best[i + (I)] : INT32_MIN); \
  }
    MF_SMALL_KERNEL_ONE(0) MF_SMALL_KERNEL_ONE(1) MF_SMALL_KERNEL_ONE(2) MF_SMALL_KERNEL_ONE(3)
  }
}

/* Windows of three rows and more: three at a time, the last ones again where that is needed. */
MF_INLINE void mf_small_phase(
    const mf_small_t *row, int32_t pool_h, const int8_t *rows, const int32_t *w, int32_t *best) {
  int32_t top = 0;
  mf_small_row(row, rows, w, best, row->phase > 0);
  while (top + 3 < pool_h) {
    top = top + 6 < pool_h ? top + 3 : pool_h - 3;
    mf_small_row(row, rows + top * MF_SMALL_KERNEL_PITCH, w, best, 1);
  }
}

/* Windows that one staged row of bands has room for, a multiple of the phases. */
MF_INLINE int32_t mf_small_windows(int32_t phases, int32_t pool_w, int32_t step) {
  const int32_t room = ((MF_SMALL_KERNEL_PITCH / 4 - 2) * phases - pool_w) / step + 1;
  return (room < MF_SMALL_KERNEL_WINDOWS ? room : MF_SMALL_KERNEL_WINDOWS) / phases * phases;
}

/* This core's share of (group of windows, channel), groups outside. */
MF_INLINE void mf_small_channels(
    const mf_band_t *band, const int32_t *channels, const int8_t *lut, int8_t *y, int8_t *staged,
    int32_t oh, int32_t n, int32_t phases, int32_t shift) {
  const int32_t step = band->stride_w / band->step_w, size = band->rows * band->pitch;
  const int32_t most = mf_small_windows(phases, band->pool_w, step);
  const int32_t groups = (band->ow + most - 1) / most;
  const int32_t across = ((band->ow + groups - 1) / groups + phases - 1) / phases * phases;
  const mf_share_t share = mf_share(oh * groups * n);
  int32_t group = share.begin / n, channel = share.begin - group * n;
  for (int32_t left = share.end - share.begin; left > 0; group++, channel = 0) {
    const int32_t end = channel + left < n ? channel + left : n;
    const int32_t oy = group / groups, ox = (group - oy * groups) * across;
    const int32_t windows = band->ow - ox < across ? band->ow - ox : across;
    int8_t *to = y + (oy * band->ow + ox) * n;
    left -= end - channel;
    for (int32_t phase = 0; phase < phases; phase++) {
      mf_stage_band(band, staged + phase * size, oy, ox, phase * band->step_w / band->image.c);
    }
    for (; channel < end; channel++) {
      const int32_t *w = channels + MF_SMALL_KERNEL_WORDS * channel;
      const int32_t kernel[9] = {w[0], w[1], w[2], w[3], w[4], w[5], w[6], w[7], w[8]};
      int32_t best[MF_SMALL_KERNEL_WINDOWS];
#define MF_SMALL_KERNEL_PHASE(P)                                                                     \
  if ((P) < phases) {                                                                          \
    const mf_small_t row = {band->pool_w, step, P, phases, across};                            \
    mf_small_phase(&row, band->pool_h, staged + (P)*size, kernel, best);                       \
  }
      MF_SMALL_KERNEL_PHASE(0) MF_SMALL_KERNEL_PHASE(1) MF_SMALL_KERNEL_PHASE(2) MF_SMALL_KERNEL_PHASE(3)
      for (int32_t i = 0; i < windows; i++) {
        const int32_t value = mf_quantized(best[i], w[9], w[10], shift);
        to[i * n + channel] = mf_lookup(lut, (int8_t)value);
      }
    }
  }
}

static inline void mf_conv_pool_s8_xpulp_3x1(
    const int8_t *restrict x,       /* [h, w, c] */
    const int32_t *restrict weight, /* [n, 11]: three rows of three words, mult, add */
    const int32_t *restrict mult,   /* NULL: with the weights */
    const int32_t *restrict add,    /* NULL */
    const int8_t *restrict lut,     /* [256], never falling, or NULL */
    int8_t *restrict y,             /* [oh, ow, n], windows lie inside the convolution's map */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t n, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t dilation_h,
    int32_t dilation_w, int32_t groups, int32_t pad_value, int32_t shift, int32_t pool_h,
    int32_t pool_w, int32_t pool_stride_h, int32_t pool_stride_w,
    void *restrict scratch /* weights, lut, a band a core */) {
  mf_band_t band = {.image = {x, h, w, c, pad_value}, .ow = ow, .pool_h = pool_h, .pool_w = pool_w};
  const int32_t phases = 4 / (stride_w * c), bytes = 4 * MF_SMALL_KERNEL_WORDS * n;
  band.step_w = stride_w * c, band.stride_w = pool_stride_w * stride_w * c;
  band.stride_h = pool_stride_h;
  band.pad_top = pad_top, band.pad_left = pad_left;
  band.rows = pool_h + 2;
  band.cells = MF_SMALL_KERNEL_PITCH / c;
  band.pitch = MF_SMALL_KERNEL_PITCH;
  int8_t *const l1_lut = (int8_t *)scratch + (mf_is_in_l1(weight) ? 0 : bytes);
  int8_t *const staged = l1_lut + mf_l1_room(lut, 256) +
                         mf_core() * mf_own_bytes(phases * band.rows * band.pitch);
  (void)mult, (void)add, (void)groups, (void)kh, (void)kw, (void)stride_h, (void)dilation_h;
  (void)dilation_w;
  const int32_t *channels = (const int32_t *)mf_in_l1(weight, scratch, bytes);
  const int8_t *const looked_up =
      lut != NULL ? (const int8_t *)mf_in_l1(lut, l1_lut, 256) : NULL;
  mf_small_channels(&band, channels, looked_up, y, staged, oh, n, phases, shift);
}

#endif
