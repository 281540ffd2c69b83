/* SPDX-License-Identifier: Apache-2.0 */
/* Depthwise channel-last convolution of multiplier 1 on a cluster, equations (1), (2), (6).
 *
 * A core stages a block of the image for four channels, turned to a plane a channel; there, four
 * taps of a row of the kernel lie in one word, and one dot product does them. */
#ifndef MF_DEPTHWISE_S8_XPULP_H
#define MF_DEPTHWISE_S8_XPULP_H

#include "mf_planes_xpulp.h"

/* Two by two outputs from `at` on in a plane, for kernels of 3 rows of at most 3 taps and steps of
 * one cell: w[3 .. 5] are the words of w[0 .. 2] a byte later. */
MF_INLINE void mf_depthwise_2x2(
    const int8_t *at, int32_t pitch, const int32_t w[8], const int8_t *lut, int32_t shift,
    int32_t s[4]) {
  const int32_t a0 = mf_word_at(at), a1 = mf_word_at(at + pitch);
  const int32_t a2 = mf_word_at(at + 2 * pitch), a3 = mf_word_at(at + 3 * pitch);
  s[0] = mf_dot4(a0, w[0]), s[1] = mf_dot4(a0, w[3]);
  s[2] = mf_dot4(a1, w[0]), s[3] = mf_dot4(a1, w[3]);
  s[0] = mf_sdot4(s[0], a1, w[1]), s[1] = mf_sdot4(s[1], a1, w[4]);
  s[2] = mf_sdot4(s[2], a2, w[1]), s[3] = mf_sdot4(s[3], a2, w[4]);
  s[0] = mf_sdot4(s[0], a2, w[2]), s[1] = mf_sdot4(s[1], a2, w[5]);
  s[2] = mf_sdot4(s[2], a3, w[2]), s[3] = mf_sdot4(s[3], a3, w[5]);
  for (int32_t i = 0; i < 4; i++) {
    s[i] = mf_quantized(s[i], w[6], w[7], shift);
  }
  if (lut != NULL) {
    for (int32_t i = 0; i < 4; i++) {
      s[i] = lut[s[i] + 128];
    }
  }
}

/* One channel of a block [rows, cols] of outputs to y, whose rows are `pitch` bytes apart. */
MF_PHASE void mf_depthwise_small(
    const mf_planes_t *planes, const int8_t *plane, const int32_t *kernel, const int8_t *lut,
    int8_t *y, int32_t rows, int32_t cols, int32_t pitch, int32_t c, int32_t shift) {
  const int32_t line = planes->pitch;
  int32_t w[8] = {kernel[0], kernel[1], kernel[2], 0, 0, 0, kernel[3], kernel[4]};
  for (int32_t i = 0; i < 3; i++) {
    w[3 + i] = (int32_t)((uint32_t)w[i] << 8);
  }
  for (int32_t row = 0; row < rows; row += 2, plane += 2 * line, y += 2 * pitch) {
    int8_t *to = y, *below = row + 1 < rows ? y + pitch : y; /* the first row's stores come last */
    const int8_t *at = plane;
    int32_t s[4];
    for (int32_t pairs = cols >> 1; pairs > 0; pairs--, at += 2, to += 2 * c, below += 2 * c) {
      mf_depthwise_2x2(at, line, w, lut, shift, s);
      below[0] = (int8_t)s[2], below[c] = (int8_t)s[3];
      to[0] = (int8_t)s[0], to[c] = (int8_t)s[1];
    }
    if ((cols & 1) != 0) {
      mf_depthwise_2x2(at, line, w, lut, shift, s);
      *below = (int8_t)s[2], *to = (int8_t)s[0];
    }
  }
}

/* The same for any kernel and any steps: an output at a time. */
MF_INLINE void mf_depthwise_any(
    const mf_planes_t *planes, const int8_t *plane, const int32_t *kernel, const int8_t *lut,
    int8_t *y, int32_t rows, int32_t cols, int32_t pitch, int32_t c, int32_t shift) {
  const int32_t words = planes->words, kh = planes->kh, line = planes->pitch;
  const int32_t mult = kernel[kh * words], add = kernel[kh * words + 1];
  for (int32_t row = 0; row < rows; row++, plane += planes->stride_h * line, y += pitch) {
    const int8_t *at = plane;
    int8_t *to = y;
    for (int32_t left = cols; left > 0; left--, at += planes->stride_w, to += c) {
      int32_t acc = 0;
      for (int32_t ky = 0; ky < kh; ky++) {
        for (int32_t i = 0; i < words; i++) {
          acc = mf_sdot4(acc, mf_word_at(at + ky * line + 4 * i), kernel[ky * words + i]);
        }
      }
      *to = mf_lookup(lut, (int8_t)mf_quantized(acc, mult, add, shift));
    }
  }
}

static inline void mf_depthwise_s8_xpulp(
    const int8_t *restrict x,       /* [h, w, c], c a multiple of 4 */
    const int32_t *restrict weight, /* [c, kh words + 2]: rows of the kernel in words, mult, add */
    const int32_t *restrict mult,   /* NULL: with the weights */
    const int32_t *restrict add,    /* NULL */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [oh, ow, c] */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t n, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t dilation_h,
    int32_t dilation_w, int32_t groups, int32_t pad_value, int32_t shift,
    void *restrict scratch /* weights, lut, planes a core */) {
  mf_planes_t planes = {.image = {x, h, w, c, pad_value}, .kh = kh, .words = (kw + 3) >> 2};
  planes.stride_h = stride_h, planes.stride_w = stride_w;
  const int32_t size = kh * planes.words + 2, small = kh == 3 && kw <= 3 && stride_h * stride_w == 1;
  int8_t *const l1_lut = (int8_t *)scratch + (mf_is_in_l1(weight) ? 0 : 4 * size * c);
  int8_t *const staged = l1_lut + mf_l1_room(lut, 256);
  (void)mult, (void)add, (void)n, (void)groups, (void)dilation_h, (void)dilation_w;
  mf_plan_planes(&planes, oh, ow, kw);
  int8_t *const own = staged + mf_core() * mf_own_bytes(4 * planes.plane);
  const int32_t *kernels = (const int32_t *)mf_in_l1(weight, scratch, 4 * size * c);
  const int8_t *const looked_up =
      lut != NULL ? (const int8_t *)mf_in_l1(lut, l1_lut, 256) : NULL;
  const int32_t across = (ow + planes.cols - 1) / planes.cols, quads = c >> 2;
  const mf_share_t share = mf_share((oh + planes.rows - 1) / planes.rows * across * quads);
  for (int32_t unit = share.begin; unit < share.end; unit++) {
    const int32_t block = unit / quads, quad = unit - block * quads;
    const int32_t oy = block / across * planes.rows, ox = block % across * planes.cols;
    const int32_t rows = oh - oy < planes.rows ? oh - oy : planes.rows;
    const int32_t cols = ow - ox < planes.cols ? ow - ox : planes.cols;
    mf_stage_planes(&planes, own, oy * stride_h - pad_top, ox * stride_w - pad_left, 4 * quad);
    for (int32_t i = 4 * quad; i < 4 * quad + 4; i++) {
      int8_t *const to = y + (oy * ow + ox) * c + i;
      const int8_t *const plane = own + (i & 3) * planes.plane;
      if (small) {
        mf_depthwise_small(
            &planes, plane, kernels + i * size, looked_up, to, rows, cols, ow * c, c, shift);
      } else {
        mf_depthwise_any(
            &planes, plane, kernels + i * size, looked_up, to, rows, cols, ow * c, c, shift);
      }
    }
  }
}

#endif
