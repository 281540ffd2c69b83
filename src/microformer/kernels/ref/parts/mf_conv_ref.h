/* SPDX-License-Identifier: Apache-2.0 */
/* What both forms of the plain convolution share, equations (1), (2) or (2w), (6). */
#ifndef MF_CONV_REF_H
#define MF_CONV_REF_H

#include "mf_core.h"

/* `wide` takes (2w) with zero point `zero`; arguments else as of mf_conv2d_s8_ref. */
MF_INLINE void mf_conv_ref(
    const int8_t *restrict x,       /* [h, w, c] */
    const int8_t *restrict weight,  /* [n, kh, kw, c / groups] */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [oh, ow, n] */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t n, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t dilation_h,
    int32_t dilation_w, int32_t groups, int32_t pad_value, int32_t shift, int wide,
    int32_t zero) {
  const int32_t depth = c / groups;
  const int32_t per_group = n / groups;
  for (int32_t oy = 0; oy < oh; oy++) {
    for (int32_t ox = 0; ox < ow; ox++) {
      const int32_t top = oy * stride_h - pad_top;
      const int32_t left = ox * stride_w - pad_left;
      const int8_t *taps = weight; /* walks through all weights once a cell */
      for (int32_t channel = 0, first = 0, in_group = 0; channel < n; channel++) {
        int32_t acc = 0;
        for (int32_t ky = 0; ky < kh; ky++) {
          const int32_t iy = top + ky * dilation_h;
          for (int32_t kx = 0; kx < kw; kx++, taps += depth) {
            const int32_t ix = left + kx * dilation_w;
            if (iy >= 0 && iy < h && ix >= 0 && ix < w) {
              const int8_t *cell = x + ((iy * w + ix) * c + first);
              for (int32_t i = 0; i < depth; i++) {
                acc += cell[i] * taps[i];
              }
            } else {
              for (int32_t i = 0; i < depth; i++) {
                acc += pad_value * taps[i];
              }
            }
          }
        }
        const int32_t m = mult[channel];
        const int32_t a = add[channel];
        *y++ = mf_lookup(lut, wide ? mf_requantize_wide(acc, m, a, shift, zero)
                                     : mf_requantize(acc, m, a, shift));
        if (++in_group == per_group) { /* the next channel reads the next group of inputs */
          in_group = 0;
          first += depth;
        }
      }
    }
  }
}

#endif
