/* SPDX-License-Identifier: Apache-2.0 */
/* Channel-last convolution and the maximum over windows of its map, equations (1), (2), (6). */
#ifndef MF_CONV_POOL_S8_REF_H
#define MF_CONV_POOL_S8_REF_H

#include "mf_conv2d_s8_ref.h"

static inline void mf_conv_pool_s8_ref(
    const int8_t *restrict x,       /* [h, w, c] */
    const int8_t *restrict weight,  /* [n, kh, kw, c / groups] */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [oh, ow, n], windows lie inside the convolution's map */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t n, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t dilation_h,
    int32_t dilation_w, int32_t groups, int32_t pad_value, int32_t shift, int32_t pool_h,
    int32_t pool_w, int32_t pool_stride_h, int32_t pool_stride_w,
    void *restrict scratch /* one cell of the map: n bytes */) {
  int8_t *const cell = (int8_t *)scratch;
  for (int32_t oy = 0; oy < oh; oy++) {
    for (int32_t ox = 0; ox < ow; ox++, y += n) {
      for (int32_t i = 0; i < n; i++) {
        y[i] = -128;
      }
      for (int32_t at = 0; at < pool_h * pool_w; at++) {
        const int32_t cy = oy * pool_stride_h + at / pool_w, cx = ox * pool_stride_w + at % pool_w;
        mf_conv2d_s8_ref(
            x, weight, mult, add, lut, cell, h, w, c, 1, 1, n, kh, kw, stride_h, stride_w,
            pad_top - cy * stride_h, pad_left - cx * stride_w, dilation_h, dilation_w, groups,
            pad_value, shift, NULL);
        for (int32_t i = 0; i < n; i++) {
          y[i] = cell[i] > y[i] ? cell[i] : y[i];
        }
      }
    }
  }
}

#endif
