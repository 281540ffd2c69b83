/* SPDX-License-Identifier: Apache-2.0 */
/* Dense convolution on vectors of int8 where the image lies, equations (1), (2), (6). */
#ifndef MF_CONV2D_S8_MVE_PLACE_H
#define MF_CONV2D_S8_MVE_PLACE_H

#include "mf_conv_mve.h"

static inline void mf_conv2d_s8_mve_place(
    const int8_t *restrict x,       /* [h, w, c] */
    const int8_t *restrict weight,  /* [n, kh, kw, c] */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [oh, ow, n] */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t n, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t dilation_h,
    int32_t dilation_w /* 1 */, int32_t groups /* 1 */, int32_t pad_value, int32_t shift,
    void *restrict scratch /* cells [block], int8 [4 k], int32 [8], int8 [block, k] */) {
  const mf_scale_t scale = mf_scale(shift);
  (void)groups;
  (void)dilation_w;
  mf_mve_conv_in_place(
      x, weight, mult, add, lut, y, h, w, c, oh, ow, n, kh, kw, stride_h, stride_w, pad_top,
      pad_left, dilation_h, pad_value, &scale, scratch);
}

#endif
