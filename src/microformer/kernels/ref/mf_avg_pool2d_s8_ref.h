/* SPDX-License-Identifier: Apache-2.0 */
/* Mean over windows, channel-last, equation (10). */
#ifndef MF_AVG_POOL2D_S8_REF_H
#define MF_AVG_POOL2D_S8_REF_H

#include "mf_window.h"

static inline void mf_avg_pool2d_s8_ref(
    const int8_t *restrict x,      /* [h, w, c] */
    const int32_t *restrict mult,  /* [kh * kw], row n - 1 for a count of n */
    const int32_t *restrict add,   /* [kh * kw] */
    int8_t *restrict y,            /* [oh, ow, c] */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t include_pad,
    int32_t pad_value, int32_t shift) {
  for (int32_t oy = 0; oy < oh; oy++) {
    for (int32_t ox = 0; ox < ow; ox++, y += c) {
      const mf_window_t window =
          mf_window(oy * stride_h - pad_top, ox * stride_w - pad_left, kh, kw, h, w);
      const int32_t inside = (window.bottom - window.top) * (window.right - window.left);
      const int32_t padding = include_pad ? (kh * kw - inside) * pad_value : 0;
      const int32_t count = include_pad ? kh * kw : inside;
      const int32_t line = count > 0 ? count - 1 : 0;
      for (int32_t i = 0; i < c; i++) {
        int32_t sum = padding;
        for (int32_t iy = window.top; iy < window.bottom; iy++) {
          const int8_t *cell = x + iy * w * c;
          for (int32_t ix = window.left; ix < window.right; ix++) {
            sum += cell[ix * c + i];
          }
        }
        y[i] = mf_requantize(sum, mult[line], add[line], shift);
      }
    }
  }
}

#endif
