/* SPDX-License-Identifier: Apache-2.0 */
/* Mean over windows on a cluster, channel-last, four channels at a time, equation (10). */
#ifndef MF_AVG_POOL2D_S8_XPULP_H
#define MF_AVG_POOL2D_S8_XPULP_H

#include "mf_gather_xpulp.h"
#include "mf_window.h"

static inline void mf_avg_pool2d_s8_xpulp(
    const int8_t *restrict x,      /* [h, w, c] */
    const int32_t *restrict mult,  /* [kh * kw], row n - 1 for a count of n */
    const int32_t *restrict add,   /* [kh * kw] */
    int8_t *restrict y,            /* [oh, ow, c] */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t include_pad,
    int32_t pad_value, int32_t shift) {
  const mf_share_t share = mf_share(oh * ow);
  int32_t oy = share.begin / ow, ox = share.begin - oy * ow;
  y += share.begin * c;
  for (int32_t cell = share.begin; cell < share.end; cell++) {
    const mf_window_t window =
        mf_window(oy * stride_h - pad_top, ox * stride_w - pad_left, kh, kw, h, w);
    const int32_t inside = (window.bottom - window.top) * (window.right - window.left);
    const int32_t padding = include_pad ? (kh * kw - inside) * pad_value : 0;
    const int32_t count = include_pad ? kh * kw : inside;
    const int32_t line = count > 0 ? count - 1 : 0;
    const int32_t m = mult[line], a = add[line];
    int32_t i = 0;
    for (; i + 4 <= c; i += 4, y += 4) {
      int32_t s0 = padding, s1 = padding, s2 = padding, s3 = padding;
      for (int32_t iy = window.top; iy < window.bottom; iy++) {
        const int8_t *at = x + (iy * w + window.left) * c + i;
        for (int32_t ix = window.left; ix < window.right; ix++, at += c) {
          const int32_t word = mf_word_at(at);
          s0 = mf_sdot4(s0, word, 1), s1 = mf_sdot4(s1, word, 1 << 8);
          s2 = mf_sdot4(s2, word, 1 << 16), s3 = mf_sdot4(s3, word, 1 << 24);
        }
      }
      mf_put_word(
          y, mf_pack4(
                 mf_quantized(s0, m, a, shift), mf_quantized(s1, m, a, shift),
                 mf_quantized(s2, m, a, shift), mf_quantized(s3, m, a, shift)));
    }
    for (; i < c; i++) {
      int32_t sum = padding;
      for (int32_t iy = window.top; iy < window.bottom; iy++) {
        const int8_t *at = x + (iy * w + window.left) * c + i;
        for (int32_t ix = window.left; ix < window.right; ix++, at += c) {
          sum += *at;
        }
      }
      *y++ = (int8_t)mf_quantized(sum, m, a, shift);
    }
    if (++ox == ow) {
      ox = 0;
      oy++;
    }
  }
}

#endif
