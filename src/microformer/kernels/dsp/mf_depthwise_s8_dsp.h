/* SPDX-License-Identifier: Apache-2.0 */
/* Depthwise convolution of multiplier 1, four channels at a time, equations (1), (2), (6).
 *
 * Weights are turned to [tap, channel] pairs of int16 once. A cell first notes where each of its
 * taps lies; one outside of the image is a row of padding. */
#ifndef MF_DEPTHWISE_S8_DSP_H
#define MF_DEPTHWISE_S8_DSP_H

#include "mf_patch.h"
#include "mf_spread.h"

/* acc + the product of the lower halves. */
static inline int32_t mf_low_product(uint32_t a, uint32_t b, int32_t acc) {
  return acc + (int32_t)(int16_t)(a & 65535u) * (int16_t)(b & 65535u);
}

/* acc + the product of the upper halves. */
static inline int32_t mf_high_product(uint32_t a, uint32_t b, int32_t acc) {
  return acc + (int32_t)(int16_t)(a >> 16) * (int16_t)(b >> 16);
}

static inline void mf_depthwise_s8_dsp(
    const int8_t *restrict x,       /* [h, w, c] */
    const int8_t *restrict weight,  /* [c, kh, kw, 1] */
    const int32_t *restrict mult,   /* [c] */
    const int32_t *restrict add,    /* [c] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [oh, ow, c] */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t n, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t dilation_h,
    int32_t dilation_w, int32_t groups, int32_t pad_value, int32_t shift,
    void *restrict scratch /* int8 *[taps], uint32 [ceil(c / 4), taps, 2], int8 [c] */) {
  (void)n;
  (void)groups;
  const int32_t taps = kh * kw;
  const int8_t **places = (const int8_t **)scratch;
  uint32_t *pairs = (uint32_t *)(places + taps);
  int8_t *outside = (int8_t *)(pairs + ((c + 3) >> 2) * taps * 2);
  for (int32_t i = 0; i < c; i++) {
    outside[i] = (int8_t)pad_value;
  }
  for (int32_t i = 0; i < c; i += 4) {
    for (int32_t tap = 0; tap < taps; tap++, pairs += 2) {
      uint32_t word = 0;
      for (int32_t j = 0; j < 4 && i + j < c; j++) {
        word |= (uint32_t)(uint8_t)weight[(i + j) * taps + tap] << (8 * j);
      }
      pairs[0] = mf_pair_even(word);
      pairs[1] = mf_pair_odd(word);
    }
  }
  pairs = (uint32_t *)(places + taps);
  for (int32_t oy = 0; oy < oh; oy++) {
    for (int32_t ox = 0; ox < ow; ox++, y += c) {
      mf_places(
          x, places, outside, h, w, c, kh, kw, oy * stride_h - pad_top, ox * stride_w - pad_left,
          dilation_h, dilation_w);
      const uint32_t *from = pairs;
      for (int32_t i = 0; i < c; i += 4) {
        int32_t acc[4] = {0, 0, 0, 0};
        const int32_t width = c - i < 4 ? c - i : 4;
        for (int32_t tap = 0; tap < taps; tap++, from += 2) {
          const int8_t *cell = places[tap] + i;
          const uint32_t word = width == 4 ? mf_load4(cell) : mf_load_tail(cell, width);
          const uint32_t even = mf_pair_even(word), odd = mf_pair_odd(word);
          acc[0] = mf_low_product(even, from[0], acc[0]);
          acc[1] = mf_low_product(odd, from[1], acc[1]);
          acc[2] = mf_high_product(even, from[0], acc[2]);
          acc[3] = mf_high_product(odd, from[1], acc[3]);
        }
        for (int32_t j = 0; j < width; j++) {
          y[i + j] = mf_lookup(lut, mf_requantize(acc[j], mult[i + j], add[i + j], shift));
        }
      }
    }
  }
}

#endif
