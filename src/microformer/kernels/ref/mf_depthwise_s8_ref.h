/* SPDX-License-Identifier: Apache-2.0 */
/* Depthwise channel-last convolution of multiplier 1 (groups == c == n), equations (1), (2), (6).
 * The arguments are those of mf_conv2d_s8_ref. */
#ifndef MF_DEPTHWISE_S8_REF_H
#define MF_DEPTHWISE_S8_REF_H

#include "mf_core.h"

static inline void mf_depthwise_s8_ref(
    const int8_t *restrict x,       /* [h, w, c] */
    const int8_t *restrict weight,  /* [c, kh, kw, 1] */
    const int32_t *restrict mult,   /* [c] */
    const int32_t *restrict add,    /* [c] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [oh, ow, c] */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t n, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t dilation_h,
    int32_t dilation_w, int32_t groups, int32_t pad_value, int32_t shift,
    void *scratch /* none */) {
  (void)scratch;
  (void)n;
  (void)groups;
  for (int32_t oy = 0; oy < oh; oy++) {
    for (int32_t ox = 0; ox < ow; ox++) {
      const int32_t top = oy * stride_h - pad_top;
      const int32_t left = ox * stride_w - pad_left;
      const int8_t *tap = weight;
      for (int32_t channel = 0; channel < c; channel++) {
        int32_t acc = 0;
        for (int32_t ky = 0; ky < kh; ky++) {
          const int32_t iy = top + ky * dilation_h;
          const int32_t row = iy * w;
          for (int32_t kx = 0; kx < kw; kx++) {
            const int32_t ix = left + kx * dilation_w;
            const int32_t inside = iy >= 0 && iy < h && ix >= 0 && ix < w;
            acc += (inside ? x[(row + ix) * c + channel] : pad_value) * *tap++;
          }
        }
        *y++ = mf_lookup(lut, mf_requantize(acc, mult[channel], add[channel], shift));
      }
    }
  }
}

#endif
