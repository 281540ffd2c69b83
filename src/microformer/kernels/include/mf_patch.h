/* SPDX-License-Identifier: Apache-2.0 */
/* What one output cell of a convolution sees: as a row of a matrix product, or as places. */
#ifndef MF_PATCH_H
#define MF_PATCH_H

#include "mf_dsp.h"

/* count bytes, four at a time; from and to may lie anywhere. */
MF_INLINE void mf_gather(const int8_t *from, int8_t *to, int32_t count) {
  for (; count >= 4; count -= 4, from += 4, to += 4) {
    mf_store4(to, mf_load4(from));
  }
  for (; count > 0; count--) {
    *to++ = *from++;
  }
}

/* The kh x kw cells from (top, left) on, padding included, to `to` [kh kw c]. */
MF_INLINE void mf_patch(
    const int8_t *x, /* [h, w, c] */
    int8_t *to, int32_t h, int32_t w, int32_t c, int32_t kh, int32_t kw, int32_t top,
    int32_t left, int32_t dilation_h, int32_t dilation_w, int32_t pad_value) {
  for (int32_t ky = 0; ky < kh; ky++) {
    const int32_t iy = top + ky * dilation_h;
    for (int32_t kx = 0; kx < kw; kx++, to += c) {
      const int32_t ix = left + kx * dilation_w;
      if (iy >= 0 && iy < h && ix >= 0 && ix < w) {
        mf_gather(x + (iy * w + ix) * c, to, c);
      } else {
        for (int32_t i = 0; i < c; i++) {
          to[i] = (int8_t)pad_value;
        }
      }
    }
  }
}

/* Where the kh x kw cells from (top, left) on lie; one outside of the image is `outside`. */
MF_INLINE void mf_places(
    const int8_t *x, /* [h, w, c] */
    const int8_t **places /* [kh kw] */, const int8_t *outside, int32_t h, int32_t w, int32_t c,
    int32_t kh, int32_t kw, int32_t top, int32_t left, int32_t dilation_h, int32_t dilation_w) {
  for (int32_t ky = 0; ky < kh; ky++) {
    const int32_t iy = top + ky * dilation_h;
    for (int32_t kx = 0; kx < kw; kx++) {
      const int32_t ix = left + kx * dilation_w;
      const int32_t inside = iy >= 0 && iy < h && ix >= 0 && ix < w;
      places[ky * kw + kx] = inside ? x + (iy * w + ix) * c : outside;
    }
  }
}

#endif
