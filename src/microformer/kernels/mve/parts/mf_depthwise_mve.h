/* SPDX-License-Identifier: Apache-2.0 */
/* Depthwise convolution of multiplier 1, eight channels at a time, equations (1), (2) or (2w), (6);
 * the last ones of a number that is no multiple of eight together with some before them once more.
 *
 * A product of two int8 fits 16 bits, and so does the sum of two where no weight is -128: two taps
 * are added before they are widened to 32 bits, even channels to one vector, odd ones to another.
 * Weights are turned to [tap, channel] once and constants put in that order. A cell whose taps all
 * lie in the image is read where it lies; for another what it sees is gathered, padding included. */
#ifndef MF_DEPTHWISE_MVE_H
#define MF_DEPTHWISE_MVE_H

#include "mf_patch.h"
#include "mf_scaled.h"
#include "mf_vector_mve.h"

/* Where a group of eight channels begins: the last one eight before the end. */
MF_INLINE int32_t mf_mve_group(int32_t group, int32_t c) {
  return group + 8 <= c || c < 8 ? group : c - 8;
}

/* Weights by tap, mult and add of eight channels: even ones, then odd ones. Says whether two
 * products may be added in 16 bits. */
MF_INLINE int32_t mf_mve_turn(
    const int8_t *weight /* [c, taps] */, const int32_t *mult, const int32_t *add,
    int8_t *turned /* [ceil(c / 8), taps, 8] */, int32_t *constants /* [ceil(c / 8), 4, 4] */,
    int32_t c, int32_t taps) {
  int32_t least = 0;
  for (int32_t group = 0; group < c; group += 8, turned += 8 * taps, constants += 16) {
    const int32_t from = mf_mve_group(group, c);
    for (int32_t j = 0; j < 8; j++) {
      const int32_t i = from + j < c ? from + j : c - 1;
      constants[(j & 1) * 4 + (j >> 1)] = mult[i];
      constants[(j & 1) * 4 + (j >> 1) + 8] = add[i];
      for (int32_t tap = 0; tap < taps; tap++) {
        const int8_t value = weight[i * taps + tap];
        turned[tap * 8 + j] = value;
        least = value < least ? value : least;
      }
    }
  }
  return least > -128;
}

#if MF_HAS_MVE
/* Products of eight int8. */
MF_INLINE int16x8_t mf_mve_product_8(const int8_t *x, const int8_t *weight, mve_pred16_t lanes) {
  return vmulq_s16(vldrbq_z_s16(x, lanes), vldrbq_s16(weight));
}

/* The products p and q of two taps, of cells a and b, while those of the two before them are added,
 * widened and added: loads, products and sums go to pipes of their own, so they alternate. */
#define MF_MVE_TAPS_2(A, B)                                                                       \
  __asm volatile(                                                                                 \
      "vldrb.s16 %q[u], [%[a]]\n\t"                                                               \
      "vadd.i16 %q[both], %q[p], %q[q]\n\t"                                                       \
      "vldrb.s16 %q[t], [%[w]], #8\n\t"                                                           \
      "vmovlb.s16 %q[v], %q[both]\n\t"                                                            \
      "vmul.i16 %q[p], %q[u], %q[t]\n\t"                                                          \
      "vldrb.s16 %q[u], [%[b]]\n\t"                                                               \
      "vadd.i32 %q[even], %q[even], %q[v]\n\t"                                                    \
      "vldrb.s16 %q[t], [%[w]], #8\n\t"                                                           \
      "vmovlt.s16 %q[v], %q[both]\n\t"                                                            \
      "vmul.i16 %q[q], %q[u], %q[t]\n\t"                                                          \
      "vadd.i32 %q[odd], %q[odd], %q[v]\n\t"                                                      \
      : [even] "+&w"(even), [odd] "+&w"(odd), [both] "=&w"(both), [p] "+&w"(p), [q] "+&w"(q),         \
        [u] "=&w"(u), [t] "=&w"(t), [v] "=&w"(v), [w] "+&l"(w)                                     \
      : [a] "l"(A), [b] "l"(B)                                                                    \
      : "memory")
#endif

/* Eight channels of one cell, of which `width` are there. */
MF_INLINE void mf_mve_depthwise_8(
    const int8_t *x,      /* the first tap; cells of c channels, rows `pitch` apart */
    const int8_t *weight, /* [taps, 8] */
    const int32_t *constants, const int8_t *lut, int8_t *y, int32_t pitch, int32_t c, int32_t kh,
    int32_t kw, int32_t width, int32_t paired, const mf_scale_t *scale) {
#if MF_HAS_MVE
  if (mf_mve_scales(scale)) {
    const mve_pred16_t lanes = vctp16q((uint32_t)width);
    int32x4_t even = vdupq_n_s32(0), odd = vdupq_n_s32(0);
    const int32_t taps = kh * kw;
    int16x8_t both = vdupq_n_s16(0);
    if (paired && width == 8) {
      const int8_t *w = weight;
      int16x8_t t, u, v, p = mf_mve_product_8(x, w, lanes), q = vdupq_n_s16(0);
      if (taps > 1) {
        q = mf_mve_product_8(x + 1 / kw * pitch + 1 % kw * c, w + 8, lanes);
      }
      w += taps > 1 ? 16 : 8;
#pragma GCC unroll 16
      for (int32_t tap = 2; tap + 2 <= taps; tap += 2) {
        const int32_t next = tap + 1;
        MF_MVE_TAPS_2(
            x + tap / kw * pitch + tap % kw * c, x + next / kw * pitch + next % kw * c);
      }
      both = vaddq_s16(p, q);
      if (taps > 1 && (taps & 1) != 0) {
        even = vaddq_s32(even, vmovlbq_s16(both));
        odd = vaddq_s32(odd, vmovltq_s16(both));
        both = mf_mve_product_8(x + (kh - 1) * pitch + (kw - 1) * c, w, lanes);
      }
    } else {
      const int8_t *from = x, *w = weight;
      int32_t left = kw;
#pragma GCC unroll 1
      for (int32_t tap = 0; tap < taps; tap++, w += 8, from += c) {
        if (left-- == 0) {
          from += pitch - kw * c;
          left = kw - 1;
        }
        even = vaddq_s32(even, vmovlbq_s16(both));
        odd = vaddq_s32(odd, vmovltq_s16(both));
        both = mf_mve_product_8(from, w, lanes);
      }
    }
    even = vaddq_s32(even, vmovlbq_s16(both));
    odd = vaddq_s32(odd, vmovltq_s16(both));
    even = mf_mve_scaled(scale, even, vldrwq_s32(constants), vldrwq_s32(constants + 8));
    odd = mf_mve_scaled(scale, odd, vldrwq_s32(constants + 4), vldrwq_s32(constants + 12));
    const int16x8_t halves = vqmovntq_s32(vqmovnbq_s32(vdupq_n_s16(0), even), odd);
    int16x8_t byte = vminq_s16(vmaxq_s16(halves, vdupq_n_s16(-128)), vdupq_n_s16(127));
    if (lut != NULL) {
      const uint16x8_t index = vreinterpretq_u16_s16(vaddq_n_s16(byte, 128));
      byte = vldrbq_gather_offset_z_s16(lut, index, lanes);
    }
    vstrbq_p_s16(y, byte, lanes);
    return;
  }
#endif
  (void)paired;
  for (int32_t i = 0; i < width; i++) {
    const int32_t *of = constants + (i & 1) * 4 + (i >> 1);
    int32_t sum = 0;
    for (int32_t tap = 0; tap < kh * kw; tap++) {
      sum += x[tap / kw * pitch + tap % kw * c + i] * weight[tap * 8 + i];
    }
    y[i] = mf_lookup(lut, (int8_t)mf_scaled(scale, sum, of[0], of[8]));
  }
}

/* Arguments as of mf_depthwise_s8_mve. */
MF_INLINE void mf_mve_depthwise(
    const int8_t *restrict x,       /* [h, w, c] */
    const int8_t *restrict weight,  /* [c, kh, kw, 1] */
    const int32_t *restrict mult,   /* [c] */
    const int32_t *restrict add,    /* [c] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [oh, ow, c] */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t dilation_h,
    int32_t dilation_w, int32_t pad_value, const mf_scale_t *scale,
    void *restrict scratch /* int32 [ceil(c / 8), 16], int8 [taps, 8 ceil(c / 8)], [taps, c] */) {
  int32_t *constants = (int32_t *)scratch;
  int8_t *turned = (int8_t *)(constants + ((c + 7) >> 3) * 16);
  int8_t *patch = turned + kh * kw * ((c + 7) & ~7);
  const int32_t paired = mf_mve_turn(weight, mult, add, turned, constants, c, kh * kw);
  for (int32_t oy = 0; oy < oh; oy++) {
    const int32_t top = oy * stride_h - pad_top;
    const int32_t rows_inside = top >= 0 && top + (kh - 1) * dilation_h < h;
    for (int32_t ox = 0; ox < ow; ox++, y += c) {
      const int32_t left = ox * stride_w - pad_left;
      const int8_t *cell = x + (top * w + left) * c;
      int32_t pitch = dilation_h * w * c;
      if (!rows_inside || dilation_w != 1 || left < 0 || left + kw > w) {
        mf_patch(x, patch, h, w, c, kh, kw, top, left, dilation_h, dilation_w, pad_value);
        cell = patch, pitch = kw * c;
      }
      for (int32_t group = 0; group < c; group += 8) {
        const int32_t i = mf_mve_group(group, c);
        mf_mve_depthwise_8(
            cell + i, turned + kh * kw * group, constants + 2 * group, lut, y + i, pitch, c, kh, kw,
            c < 8 ? c : 8, paired, scale);
      }
    }
  }
}

#endif
