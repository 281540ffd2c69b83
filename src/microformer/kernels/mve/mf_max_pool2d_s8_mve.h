/* SPDX-License-Identifier: Apache-2.0 */
/* Maximum over windows, channel-last, sixteen channels at a time; padding never wins. */
#ifndef MF_MAX_POOL2D_S8_MVE_H
#define MF_MAX_POOL2D_S8_MVE_H

#include "mf_mve.h"
#include "mf_window.h"

/* The maximum of `width` by `height` cells for up to sixteen channels from `cell` on. */
MF_INLINE void mf_mve_window_max(
    const int8_t *cell, int8_t *to, int32_t height, int32_t width, int32_t row, int32_t c,
    int32_t channels) {
#if MF_HAS_MVE
  const mve_pred16_t lanes = vctp8q((uint32_t)channels);
  int8x16_t top = vdupq_n_s8(-128);
  for (int32_t y = 0; y < height; y++, cell += row) {
    for (int32_t x = 0; x < width; x++) {
      top = vmaxq_s8(top, vldrbq_z_s8(cell + x * c, lanes));
    }
  }
  vstrbq_p_s8(to, top, lanes);
#else
  for (int32_t i = 0; i < channels && i < 16; i++) {
    int8_t top = -128;
    for (int32_t y = 0; y < height; y++) {
      for (int32_t x = 0; x < width; x++) {
        const int8_t value = cell[y * row + x * c + i];
        top = value > top ? value : top;
      }
    }
    to[i] = top;
  }
#endif
}

static inline void mf_max_pool2d_s8_mve(
    const int8_t *restrict x, /* [h, w, c] */
    int8_t *restrict y,       /* [oh, ow, c] */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left) {
  for (int32_t oy = 0; oy < oh; oy++) {
    for (int32_t ox = 0; ox < ow; ox++, y += c) {
      const mf_window_t window =
          mf_window(oy * stride_h - pad_top, ox * stride_w - pad_left, kh, kw, h, w);
      const int8_t *cell = x + (window.top * w + window.left) * c;
      for (int32_t i = 0; i < c; i += 16) {
        mf_mve_window_max(
            cell + i, y + i, window.bottom - window.top, window.right - window.left, w * c, c,
            c - i);
      }
    }
  }
}

#endif
