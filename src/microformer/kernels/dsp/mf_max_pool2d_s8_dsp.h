/* SPDX-License-Identifier: Apache-2.0 */
/* Maximum over windows, channel-last, four channels at a time; padding never wins. */
#ifndef MF_MAX_POOL2D_S8_DSP_H
#define MF_MAX_POOL2D_S8_DSP_H

#include "mf_max_dsp.h"
#include "mf_window.h"

static inline void mf_max_pool2d_s8_dsp(
    const int8_t *restrict x, /* [h, w, c], c a multiple of 4 */
    int8_t *restrict y,       /* [oh, ow, c] */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left) {
  for (int32_t oy = 0; oy < oh; oy++) {
    for (int32_t ox = 0; ox < ow; ox++, y += c) {
      const mf_window_t window =
          mf_window(oy * stride_h - pad_top, ox * stride_w - pad_left, kh, kw, h, w);
      const int32_t width = window.right - window.left;
      for (int32_t i = 0; i < c; i += 4) {
        uint32_t top = 0x80808080u;
        for (int32_t iy = window.top; iy < window.bottom; iy++) {
          const int8_t *cell = x + (iy * w + window.left) * c + i;
          for (int32_t left = width; left > 0; left--, cell += c) {
            top = mf_max_4(top, mf_load4(cell));
          }
        }
        mf_store4(y + i, top);
      }
    }
  }
}

#endif
