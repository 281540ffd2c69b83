/* SPDX-License-Identifier: Apache-2.0 */
/* What one output cell of a convolution sees, as a row of a matrix product. */
#ifndef MF_PATCH_H
#define MF_PATCH_H

#include "mf_dsp.h"

#if defined(__ARM_FEATURE_MVE) && defined(__GNUC__) && defined(__OPTIMIZE__)
#include <arm_mve.h>
#define MF_GATHER_VECTORS 1
#else
#define MF_GATHER_VECTORS 0
#endif

/* count bytes, four at a time, or sixteen on Helium; from and to may lie anywhere. */
MF_INLINE void mf_gather(const int8_t *from, int8_t *to, int32_t count) {
#if MF_GATHER_VECTORS
#pragma GCC unroll 1
  for (; count >= 16; count -= 16, from += 16, to += 16) {
    vst1q_s8(to, vld1q_s8(from));
  }
  if (count > 0) {
    const mve_pred16_t lanes = vctp8q((uint32_t)count);
    vstrbq_p_s8(to, vldrbq_z_s8(from, lanes), lanes);
  }
  return;
#endif
  for (; count >= 4; count -= 4, from += 4, to += 4) {
    mf_store4(to, mf_load4(from));
  }
  for (; count > 0; count--) {
    *to++ = *from++;
  }
}

/* count bytes of `value`. */
MF_INLINE void mf_fill(int8_t *to, int32_t count, int32_t value) {
  const uint32_t word = ((uint32_t)value & 255u) * 0x01010101u;
  for (; count >= 4; count -= 4, to += 4) {
    mf_store4(to, word);
  }
  for (; count > 0; count--) {
    *to++ = (int8_t)value;
  }
}

/* The kh x kw cells from (top, left) on, padding included, to `to` [kh kw c]. */
MF_INLINE void mf_patch(
    const int8_t *x, /* [h, w, c] */
    int8_t *to, int32_t h, int32_t w, int32_t c, int32_t kh, int32_t kw, int32_t top,
    int32_t left, int32_t dilation_h, int32_t dilation_w, int32_t pad_value) {
  for (int32_t ky = 0; ky < kh; ky++) {
    const int32_t iy = top + ky * dilation_h;
    if (dilation_w == 1 && iy >= 0 && iy < h && left >= 0 && left + kw <= w) {
      mf_gather(x + (iy * w + left) * c, to, kw * c); /* side by side in x as well */
      to += kw * c;
      continue;
    }
    for (int32_t kx = 0; kx < kw; kx++, to += c) { /* lengths that are literals, one by one */
      const int32_t ix = left + kx * dilation_w;
      if (iy >= 0 && iy < h && ix >= 0 && ix < w) {
        mf_gather(x + (iy * w + ix) * c, to, c);
      } else {
        mf_fill(to, c, pad_value);
      }
    }
  }
}

#endif
