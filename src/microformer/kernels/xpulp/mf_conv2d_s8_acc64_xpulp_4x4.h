/* SPDX-License-Identifier: Apache-2.0 */
/* Dense channel-last convolution requantised in 64 bits on a cluster, equations (1), (2w), (6). */
#ifndef MF_CONV2D_S8_ACC64_XPULP_4X4_H
#define MF_CONV2D_S8_ACC64_XPULP_4X4_H

#include "mf_acc64_xpulp.h"

static inline void mf_conv2d_s8_acc64_xpulp_4x4(
    const int8_t *restrict x,       /* [h, w, c] */
    const int32_t *restrict weight, /* panels of four columns (mf_matrix_xpulp.h) */
    const int32_t *restrict mult,   /* NULL: with the weights */
    const int32_t *restrict add,    /* NULL */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [oh, ow, n] */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t n, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t dilation_h,
    int32_t dilation_w, int32_t groups, int32_t pad_value, int32_t shift, int32_t zero,
    void *restrict scratch /* panels, lut, four rows a core */) {
  const mf_conv_t conv = {
      {x, h, w, c, pad_value}, ow, kh, kw, stride_h, stride_w, pad_top, pad_left, dilation_h,
      dilation_w};
  mf_acc64_layer_t op = {lut, oh * ow, kh * kw * c, n, shift, zero, mf_high(shift, zero)};
  (void)mult, (void)add, (void)groups;
  mf_acc64_xpulp(&conv, weight, &op, y, scratch);
}

#endif
