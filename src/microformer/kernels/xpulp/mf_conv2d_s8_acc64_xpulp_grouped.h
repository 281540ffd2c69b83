/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution in groups on a cluster, equations (1), (2w), (6). */
#ifndef MF_CONV2D_S8_ACC64_XPULP_GROUPED_H
#define MF_CONV2D_S8_ACC64_XPULP_GROUPED_H

#include "mf_conv_grouped_xpulp.h"

static inline void mf_conv2d_s8_acc64_xpulp_grouped(
    const int8_t *restrict x,       /* [h, w, c] */
    const int8_t *restrict weight,  /* [n, kh, kw, c / groups] */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [oh, ow, n] */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t n, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t dilation_h,
    int32_t dilation_w, int32_t groups, int32_t pad_value, int32_t shift, int32_t zero,
    void *restrict scratch /* constants */) {
  mf_grouped_t op = {
      {{x, h, w, c, pad_value}, ow, kh, kw, stride_h, stride_w, pad_top, pad_left, dilation_h,
       dilation_w},
      weight, lut, mult, add, n, c / groups, n / groups, shift, 1, zero};
  mf_conv_grouped_xpulp(&op, y, oh, (int8_t *)scratch);
}

#endif
