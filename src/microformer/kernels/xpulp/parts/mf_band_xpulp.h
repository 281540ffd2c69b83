/* SPDX-License-Identifier: Apache-2.0 */
/* The band of an image that some windows of a convolution's map see, staged by one core. */
#ifndef MF_BAND_XPULP_H
#define MF_BAND_XPULP_H

#include "mf_gather_xpulp.h"
#include "mf_panels_xpulp.h"

/* Steps along rows of the image are in bytes, steps from row to row in rows. */
typedef struct {
  mf_image_t image;
  int32_t ow;                /* windows of a row */
  int32_t kh, dilation_h;    /* rows of the kernel */
  int32_t words;             /* of one of them */
  int32_t step_h, step_w;    /* from cell to cell of the map */
  int32_t pool_h, pool_w;    /* cells of a window */
  int32_t stride_h, stride_w;/* from window to window */
  int32_t pad_top, pad_left;
  int32_t rows, cells;       /* of a staged band */
  int32_t pitch;             /* bytes from row to row of it */
} mf_band_t;

/* True if a tile's four rows are cells of one window side by side (the last ones again where their
 * number is no multiple of four), else one cell of each of four windows: whatever wastes less. */
MF_INLINE int32_t mf_along(const mf_band_t *band) {
  const int32_t along = band->ow * ((band->pool_w + 3) >> 2);
  return band->pool_w >= 4 && along < ((band->ow + 3) >> 2) * band->pool_w;
}

/* Bytes of a core's own buffer: two words more than a multiple of 16, so that cores in step meet in
 * different banks. */
MF_INLINE int32_t mf_own_bytes(int32_t bytes) { return ((bytes + 55) & ~63) + 8; }

/* The band of windows from (oy, ox) on, `ahead` cells of the image further to the right. */
MF_INLINE void mf_stage_band(
    const mf_band_t *band, int8_t *to, int32_t oy, int32_t ox, int32_t ahead) {
  const mf_image_t image = band->image;
  const int32_t left = ox * band->stride_w / image.c - band->pad_left + ahead;
  const int32_t top = oy * band->stride_h - band->pad_top;
  for (int32_t i = 0; i < band->rows; i++) {
    mf_gather_row(&image, to + i * band->pitch, top + i, left, band->cells);
  }
}

#endif
