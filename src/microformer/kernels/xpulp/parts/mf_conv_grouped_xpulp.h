/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution in groups on a cluster, equations (1), (2) or (2w), (6): outputs shared by the cores,
 * one after the other; all constants in L1. For what no faster kernel does. */
#ifndef MF_CONV_GROUPED_XPULP_H
#define MF_CONV_GROUPED_XPULP_H

#include "mf_cells_xpulp.h"

/* The convolution, its groups and its requantisation. */
typedef struct {
  mf_conv_t conv;
  const int8_t *weight, *lut;
  const int32_t *mult, *add;
  int32_t n, depth, per_group, shift, wide, zero;
} mf_grouped_t;

/* acc + a . b of k bytes. */
MF_INLINE int32_t mf_dot_bytes(int32_t acc, const int8_t *a, const int8_t *b, int32_t k) {
  for (; k >= 4; k -= 4, a += 4, b += 4) {
    acc = mf_sdot4(acc, mf_word_at(a), mf_word_at(b));
  }
  for (; k > 0; k--) {
    acc = mf_mac(acc, *a++, *b++);
  }
  return acc;
}

/* The sum of one output: channel `channel` of the cell whose kernel begins at (top, left). */
MF_INLINE int32_t mf_grouped_sum(
    const mf_grouped_t *op, int32_t channel, int32_t top, int32_t left) {
  const mf_conv_t *const conv = &op->conv;
  const int32_t depth = op->depth, first = channel / op->per_group * depth;
  const int32_t h = conv->image.h, w = conv->image.w, c = conv->image.c;
  const int8_t *taps = op->weight + channel * conv->kh * conv->kw * depth;
  int32_t acc = 0;
  for (int32_t ky = 0; ky < conv->kh; ky++) {
    const int32_t iy = top + ky * conv->dilation_h;
    for (int32_t kx = 0; kx < conv->kw; kx++, taps += depth) {
      const int32_t ix = left + kx * conv->dilation_w;
      if (iy >= 0 && iy < h && ix >= 0 && ix < w) {
        acc = mf_dot_bytes(acc, conv->image.x + (iy * w + ix) * c + first, taps, depth);
      } else {
        for (int32_t i = 0; i < depth; i++) {
          acc = mf_mac(acc, conv->image.pad_value, taps[i]);
        }
      }
    }
  }
  return acc;
}

/* Brings the constants to `scratch` (each from a multiple of 8 on), then does this core's outputs. */
MF_INLINE void mf_conv_grouped_xpulp(mf_grouped_t *op, int8_t *y, int32_t oh, int8_t *scratch) {
  const mf_conv_t *const conv = &op->conv;
  const int32_t n = op->n, weights = n * conv->kh * conv->kw * op->depth;
  int8_t *at = scratch;
  op->weight = (const int8_t *)mf_in_l1(op->weight, at, weights), at += (weights + 7) & ~7;
  op->mult = (const int32_t *)mf_in_l1(op->mult, at, 4 * n), at += (4 * n + 7) & ~7;
  op->add = (const int32_t *)mf_in_l1(op->add, at, 4 * n), at += (4 * n + 7) & ~7;
  if (op->lut != NULL) {
    op->lut = (const int8_t *)mf_in_l1(op->lut, at, 256);
  }
  const mf_share_t share = mf_share(oh * conv->ow);
  int32_t oy = share.begin / conv->ow, ox = share.begin - oy * conv->ow;
  y += share.begin * n;
  for (int32_t cell = share.begin; cell < share.end; cell++) {
    const int32_t top = oy * conv->stride_h - conv->pad_top;
    const int32_t left = ox * conv->stride_w - conv->pad_left;
    for (int32_t channel = 0; channel < n; channel++) {
      const int32_t acc = mf_grouped_sum(op, channel, top, left);
      const int32_t m = op->mult[channel], a = op->add[channel];
      const int32_t scaled = op->wide ? mf_requantize_wide(acc, m, a, op->shift, op->zero)
                                      : mf_quantized(acc, m, a, op->shift);
      *y++ = mf_lookup(op->lut, (int8_t)scaled);
    }
    if (++ox == conv->ow) {
      ox = 0;
      oy++;
    }
  }
}

#endif
