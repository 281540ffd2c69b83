/* SPDX-License-Identifier: Apache-2.0 */
/* As mf_depthwise_s8_dsp, requantised in 64 bits, equations (1), (2w), (6). */
#ifndef MF_DEPTHWISE_S8_ACC64_DSP_H
#define MF_DEPTHWISE_S8_ACC64_DSP_H

#include "mf_depthwise_dsp.h"

static inline void mf_depthwise_s8_acc64_dsp(
    const int8_t *restrict x,       /* [h, w, c] */
    const int8_t *restrict weight,  /* [c, kh, kw, 1] */
    const int32_t *restrict mult,   /* [c] */
    const int32_t *restrict add,    /* [c] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [oh, ow, c] */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t n, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t dilation_h,
    int32_t dilation_w, int32_t groups, int32_t pad_value, int32_t shift,
    int32_t zero,
    void *restrict scratch /* uint32 [ceil(c / 4), 2 taps + 8], int8 [kh, kw + stride_w, c] */) {
  const mf_scale_t scale = mf_scale_wide(shift, zero);
  (void)n;
  (void)groups;
  mf_depthwise(
      x, weight, mult, add, lut, y, h, w, c, oh, ow, kh, kw, stride_h, stride_w, pad_top, pad_left,
      dilation_h, dilation_w, pad_value, &scale, scratch);
}

#endif
