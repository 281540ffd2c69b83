/* SPDX-License-Identifier: Apache-2.0 */
/* Depthwise convolution of multiplier 1, four channels at a time, equations (1), (2), (6).
 *
 * Weights are turned to [tap, channel] once; a cell outside of the image is a row of padding. */
#ifndef MF_DEPTHWISE_S8_MVE_H
#define MF_DEPTHWISE_S8_MVE_H

#include "mf_matrix_mve.h"
#include "mf_patch.h"

/* Four channels of one cell: the sums of all taps. */
MF_INLINE void mf_mve_depthwise_4(
    const int8_t *const *places, const int8_t *weight, int32_t taps, int32_t i, int32_t c,
    int32_t sums[4]) {
#if MF_HAS_MVE
  const mve_pred16_t lanes = vctp32q((uint32_t)(c - i));
  int32x4_t acc = vdupq_n_s32(0);
  for (int32_t tap = 0; tap < taps; tap++) {
    const int32x4_t value = vldrbq_z_s32(places[tap] + i, lanes);
    acc = vaddq_s32(acc, vmulq_s32(value, vldrbq_z_s32(weight + tap * c + i, lanes)));
  }
  vst1q_s32(sums, acc);
#else
  for (int32_t j = 0; j < 4 && i + j < c; j++) {
    sums[j] = 0;
    for (int32_t tap = 0; tap < taps; tap++) {
      sums[j] += places[tap][i + j] * weight[tap * c + i + j];
    }
  }
#endif
}

static inline void mf_depthwise_s8_mve(
    const int8_t *restrict x,       /* [h, w, c] */
    const int8_t *restrict weight,  /* [c, kh, kw, 1] */
    const int32_t *restrict mult,   /* [c] */
    const int32_t *restrict add,    /* [c] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [oh, ow, c] */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t n, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t dilation_h,
    int32_t dilation_w, int32_t groups, int32_t pad_value, int32_t shift,
    void *restrict scratch /* int8 *[taps], int8 [taps, c], int8 [c] */) {
  (void)n;
  (void)groups;
  const int32_t taps = kh * kw;
  const int8_t **places = (const int8_t **)scratch;
  int8_t *turned = (int8_t *)(places + taps);
  int8_t *outside = turned + taps * c;
  for (int32_t i = 0; i < c; i++) {
    outside[i] = (int8_t)pad_value;
    for (int32_t tap = 0; tap < taps; tap++) {
      turned[tap * c + i] = weight[i * taps + tap];
    }
  }
  for (int32_t oy = 0; oy < oh; oy++) {
    for (int32_t ox = 0; ox < ow; ox++, y += c) {
      mf_places(
          x, places, outside, h, w, c, kh, kw, oy * stride_h - pad_top, ox * stride_w - pad_left,
          dilation_h, dilation_w);
      for (int32_t i = 0; i < c; i += 4) {
        int32_t sums[4];
        const int32_t width = c - i < 4 ? c - i : 4;
        mf_mve_depthwise_4(places, turned, taps, i, c, sums);
        mf_mve_store_4(sums, mult + i, add + i, lut, y + i, width, shift);
      }
    }
  }
}

#endif
