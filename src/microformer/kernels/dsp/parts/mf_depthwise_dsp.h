/* SPDX-License-Identifier: Apache-2.0 */
/* Depthwise convolution of multiplier 1, four channels at a time, equations (1), (2) or (2w), (6).
 *
 * Weights are turned to [tap, channel] pairs of int16 once. Two cells side by side share a load of
 * them. Cells whose taps all lie in the image are read where they lie; for others what they see is
 * gathered, padding included. The last channels of a number that is no multiple of four are done
 * together with some before them once more. */
#ifndef MF_DEPTHWISE_DSP_H
#define MF_DEPTHWISE_DSP_H

#include "mf_dot_2x4_asm.h"
#include "mf_patch.h"
#include "mf_scaled.h"
#include "mf_spread.h"

/* acc + the product of the lower halves. */
static inline int32_t mf_low_product(uint32_t a, uint32_t b, int32_t acc) {
  return acc + (int32_t)(int16_t)(a & 65535u) * (int16_t)(b & 65535u);
}

/* acc + the product of the upper halves. */
static inline int32_t mf_high_product(uint32_t a, uint32_t b, int32_t acc) {
  return acc + (int32_t)(int16_t)(a >> 16) * (int16_t)(b >> 16);
}

#ifdef MF_DOT_ASM
/* One tap: its four channels in C, weights in WE and WO. */
#define MF_TAP(C, WE, WO)                               \
  "sxtb16 %[t], %[" C "]\n\t"                           \
  "smlabb %[a0], %[t], %[" WE "], %[a0]\n\t"            \
  "smlatt %[a2], %[t], %[" WE "], %[a2]\n\t"            \
  "sxtb16 %[" C "], %[" C "], ror #8\n\t"               \
  "smlabb %[a1], %[" C "], %[" WO "], %[a1]\n\t"        \
  "smlatt %[a3], %[" C "], %[" WO "], %[a3]\n\t"

/* The first one sets the sums. */
#define MF_TAP_SET(C, WE, WO)                           \
  "sxtb16 %[t], %[" C "]\n\t"                           \
  "smulbb %[a0], %[t], %[" WE "]\n\t"                   \
  "smultt %[a2], %[t], %[" WE "]\n\t"                   \
  "sxtb16 %[" C "], %[" C "], ror #8\n\t"               \
  "smulbb %[a1], %[" C "], %[" WO "]\n\t"               \
  "smultt %[a3], %[" C "], %[" WO "]\n\t"

/* Two taps side by side, and on to the next: six loads in a row, 12 for 8 products. */
#define MF_TAPS_2(FIRST, HOW, C)                                                                         \
  __asm volatile(                                                                                 \
      "ldr %[c0], [%[x]]\n\t"                                                                     \
      "ldr.w %[c1], [%[x], %[next]]\n\t"                                                          \
      "ldr %[w0], [%[w]]\n\t"                                                                     \
      "ldr %[w1], [%[w], #4]\n\t"                                                                 \
      "ldr %[w2], [%[w], #8]\n\t"                                                                 \
      "ldr %[w3], [%[w], #12]\n\t"                                                                \
      "addw %[x], %[x], %[both]\n\t"                                                              \
      "adds %[w], #16\n\t" FIRST("c0", "w0", "w1") MF_TAP("c1", "w2", "w3")                       \
      : [a0] HOW(a0), [a1] HOW(a1), [a2] HOW(a2), [a3] HOW(a3), [x] "+r"(x), [w] "+r"(w),         \
        [c0] "=&r"(c0), [c1] "=&r"(c1), [w0] "=&r"(w0), [w1] "=&r"(w1), [w2] "=&r"(w2),           \
        [w3] "=&r"(w3), [t] "=&r"(t)                                                              \
      : [next] "i"(C), [both] "i"(2 * (C))                                                        \
      : "cc", "memory")

/* One tap, the last of a row, and on to the next row. */
#define MF_TAPS_1                                                                                 \
  __asm volatile(                                                                                 \
      "ldr %[c0], [%[x]]\n\t"                                                                     \
      "ldr %[w0], [%[w]]\n\t"                                                                     \
      "ldr %[w1], [%[w], #4]\n\t"                                                                 \
      "add %[x], %[next]\n\t"                                                                     \
      "adds %[w], #8\n\t" MF_TAP("c0", "w0", "w1")                                                \
      : [a0] "+&r"(a0), [a1] "+&r"(a1), [a2] "+&r"(a2), [a3] "+&r"(a3), [x] "+&r"(x), [w] "+&r"(w),     \
        [c0] "=&r"(c0), [w0] "=&r"(w0), [w1] "=&r"(w1), [t] "=&r"(t)                              \
      : [next] "r"(next)                                                                          \
      : "cc", "memory")

/* (2) but for its shift, from the panel's tail. */
#define MF_TAPS_SCALE                                                                             \
  __asm volatile(                                                                                 \
      "ldm %[w]!, {%[w0], %[w1], %[w2], %[w3]}\n\t"                                               \
      "mla %[a0], %[a0], %[w0], %[w1]\n\t"                                                        \
      "mla %[a1], %[a1], %[w2], %[w3]\n\t"                                                        \
      "ldm %[w]!, {%[w0], %[w1], %[w2], %[w3]}\n\t"                                               \
      "mla %[a2], %[a2], %[w0], %[w1]\n\t"                                                        \
      "mla %[a3], %[a3], %[w2], %[w3]\n\t"                                                        \
      : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [w] "+r"(w), [w0] "=&r"(w0),  \
        [w1] "=&r"(w1), [w2] "=&r"(w2), [w3] "=&r"(w3)                                            \
      :                                                                                           \
      : "memory")

/* Products of a tap's half with the weights in v: the first ones set the sums. */
#define MF_V_SET(HALVES, SUM, C) "smul" HALVES " %[" SUM "], %[" C "], %[v]\n\t"
#define MF_V_ADD(HALVES, SUM, C) "smla" HALVES " %[" SUM "], %[" C "], %[v], %[" SUM "]\n\t"

/* One tap of two cells side by side: bytes X and S + X of x, the next two words of w. Fourteen
 * registers leave room for one word of weights: 18 cycles for 8 products. */
#define MF_PAIR_TAP(P, HOW, X, S)                                                                 \
  __asm volatile(                                                                                 \
      "ldr.w %[c0], [%[x], %[at0]]\n\t"                                                           \
      "ldr.w %[c1], [%[x], %[at1]]\n\t"                                                           \
      "ldr %[v], [%[w]], #4\n\t"                                                                  \
      "sxtb16 %[t], %[c0]\n\t" P("bb", "a0", "t") P("tt", "a2", "t")                              \
      "sxtb16 %[t], %[c1]\n\t" P("bb", "b0", "t") P("tt", "b2", "t")                              \
      "ldr %[v], [%[w]], #4\n\t"                                                                  \
      "sxtb16 %[c0], %[c0], ror #8\n\t"                                                           \
      "sxtb16 %[c1], %[c1], ror #8\n\t" P("bb", "a1", "c0") P("tt", "a3", "c0")                   \
      P("bb", "b1", "c1") P("tt", "b3", "c1")                                                     \
      : [a0] HOW(a0), [a1] HOW(a1), [a2] HOW(a2), [a3] HOW(a3), [b0] HOW(b0), [b1] HOW(b1),       \
        [b2] HOW(b2), [b3] HOW(b3), [w] "+&r"(w), [c0] "=&r"(c0), [c1] "=&r"(c1),                 \
        [v] "=&r"(v), [t] "=&r"(t)                                                                \
      : [x] "r"(x), [at0] "i"(X), [at1] "i"((S) + (X))                                            \
      : "memory")

/* MF_TAPS_SCALE of both cells. */
#define MF_PAIR_SCALE                                                                             \
  __asm volatile(                                                                                 \
      "ldm %[w]!, {%[c0], %[c1], %[v], %[t]}\n\t"                                                 \
      "mla %[a0], %[a0], %[c0], %[c1]\n\t"                                                        \
      "mla %[b0], %[b0], %[c0], %[c1]\n\t"                                                        \
      "mla %[a1], %[a1], %[v], %[t]\n\t"                                                          \
      "mla %[b1], %[b1], %[v], %[t]\n\t"                                                          \
      "ldm %[w]!, {%[c0], %[c1], %[v], %[t]}\n\t"                                                 \
      "mla %[a2], %[a2], %[c0], %[c1]\n\t"                                                        \
      "mla %[b2], %[b2], %[c0], %[c1]\n\t"                                                        \
      "mla %[a3], %[a3], %[v], %[t]\n\t"                                                          \
      "mla %[b3], %[b3], %[v], %[t]\n\t"                                                          \
      : [a0] "+&r"(a0), [a1] "+&r"(a1), [a2] "+&r"(a2), [a3] "+&r"(a3), [b0] "+&r"(b0),           \
        [b1] "+&r"(b1), [b2] "+&r"(b2), [b3] "+&r"(b3), [w] "+&r"(w), [c0] "=&r"(c0),             \
        [c1] "=&r"(c1), [v] "=&r"(v), [t] "=&r"(t)                                                \
      :                                                                                           \
      : "memory")

/* The first of all taps sets the sums. */
#define MF_PAIR_TAP_AT(KX)                                                                        \
  if (kw > (KX)) {                                                                                \
    if (ky == 0 && (KX) == 0) {                                                                   \
      MF_PAIR_TAP(MF_V_SET, "=&r", (KX) * c, step);                                               \
    } else {                                                                                      \
      MF_PAIR_TAP(MF_V_ADD, "+&r", (KX) * c, step);                                               \
    }                                                                                             \
  }
#endif

/* acc [4]: the sums of four channels, of which `width` are there, over all taps; (2) but for its shift
 * if `scaled`. Returns the address behind the panel. */
MF_INLINE const uint32_t *mf_taps_4(
    const int8_t *x,        /* the first tap; cells of c channels, rows `pitch` apart */
    const uint32_t *panel,  /* [kh, kw, 2], then [4, 2]: mult and add, read if `scaled` */
    int32_t pitch, int32_t c, int32_t kh, int32_t kw, int32_t width, int32_t scaled,
    int32_t acc[4]) {
#ifdef MF_DOT_ASM
  if (__builtin_constant_p(c) && c >= 4 && c <= 2047) { /* the reach of literals */
    register const uint32_t *w __asm("r7") = panel;
    register uint32_t c0 __asm("r0"), c1 __asm("r1"), w0 __asm("r2"), w1 __asm("r3");
    register uint32_t w2 __asm("r4"), w3 __asm("r5"), t __asm("r6");
    register int32_t a0 __asm("r8"), a1 __asm("r9"), a2 __asm("r10"), a3 __asm("r11");
    if (kw == 1) {
      a0 = 0, a1 = 0, a2 = 0, a3 = 0;
    }
    const int32_t next = pitch - (kw - 1) * c;
#pragma GCC unroll 8
    for (int32_t ky = 0; ky < kh; ky++) {
#pragma GCC unroll 8
      for (int32_t kx = 0; kx + 2 <= kw; kx += 2) {
        if (ky == 0 && kx == 0) {
          MF_TAPS_2(MF_TAP_SET, "=&r", c);
        } else {
          MF_TAPS_2(MF_TAP, "+r", c);
        }
      }
      if ((kw & 1) != 0) {
        MF_TAPS_1;
      } else {
        x += pitch - kw * c;
      }
    }
    if (scaled) {
      MF_TAPS_SCALE;
    } else {
      w += 8;
    }
    acc[0] = a0, acc[1] = a1, acc[2] = a2, acc[3] = a3;
    return w;
  }
#endif
  acc[0] = 0, acc[1] = 0, acc[2] = 0, acc[3] = 0;
  for (int32_t ky = 0; ky < kh; ky++, x += pitch - kw * c) {
    for (int32_t kx = 0; kx < kw; kx++, x += c, panel += 2) {
      const uint32_t word = width == 4 ? mf_load4(x) : mf_load_tail(x, width);
      const uint32_t even = mf_pair_even(word), odd = mf_pair_odd(word);
      acc[0] = mf_low_product(even, panel[0], acc[0]);
      acc[1] = mf_low_product(odd, panel[1], acc[1]);
      acc[2] = mf_high_product(even, panel[0], acc[2]);
      acc[3] = mf_high_product(odd, panel[1], acc[3]);
    }
  }
  const int32_t *tail = (const int32_t *)panel;
  for (int32_t j = 0; scaled && j < width; j++) {
    acc[j] = acc[j] * tail[2 * j] + tail[2 * j + 1];
  }
  return panel + 8;
}

/* Whether cells are done two at a time: where sizes are literals, within a load's reach. */
#ifdef MF_DOT_ASM
#define MF_TWO_CELLS(c, kw, step)                                                                 \
  (__builtin_constant_p((c) * (kw) + (step)) && (c) >= 4 && (kw) <= 8 &&                          \
   ((kw) - 1) * (c) + (step) <= 4095)
#else
#define MF_TWO_CELLS(c, kw, step) ((c) >= 4 && (kw) <= 8)
#endif

/* sums [8]: as mf_taps_4, of a cell and of another `step` bytes behind it, where MF_TWO_CELLS. */
MF_INLINE const uint32_t *mf_taps_2x4(
    const int8_t *cell, const uint32_t *panel, int32_t pitch, int32_t c, int32_t kh, int32_t kw,
    int32_t step, int32_t scaled, int32_t sums[8]) {
#ifdef MF_DOT_ASM
  if (MF_TWO_CELLS(c, kw, step)) {
    register const int8_t *x __asm("r0") = cell;
    register const uint32_t *w __asm("r1") = panel;
    register uint32_t c0 __asm("r2"), c1 __asm("r3"), v __asm("r4"), t __asm("r5");
    register int32_t a0 __asm("r6"), a1 __asm("r7"), a2 __asm("r8"), a3 __asm("r9");
    register int32_t b0 __asm("r10"), b1 __asm("r11"), b2 __asm("r12"), b3 __asm("lr");
#pragma GCC unroll 8
    for (int32_t ky = 0; ky < kh; ky++, x += pitch) {
      MF_PAIR_TAP_AT(0)
      MF_PAIR_TAP_AT(1)
      MF_PAIR_TAP_AT(2)
      MF_PAIR_TAP_AT(3)
      MF_PAIR_TAP_AT(4)
      MF_PAIR_TAP_AT(5)
      MF_PAIR_TAP_AT(6)
      MF_PAIR_TAP_AT(7)
    }
    if (scaled) {
      MF_PAIR_SCALE;
    } else {
      w += 8;
    }
    sums[0] = a0, sums[1] = a1, sums[2] = a2, sums[3] = a3;
    sums[4] = b0, sums[5] = b1, sums[6] = b2, sums[7] = b3;
    return w;
  }
#endif
  mf_taps_4(cell, panel, pitch, c, kh, kw, 4, scaled, sums);
  return mf_taps_4(cell + step, panel, pitch, c, kh, kw, 4, scaled, sums + 4);
}

/* The panels of all groups of four channels: the last one begins four before the end. */
MF_INLINE void mf_depthwise_panels(
    const int8_t *weight,  /* [c, taps] */
    const int32_t *mult, const int32_t *add, uint32_t *panel, int32_t c, int32_t taps) {
  for (int32_t group = 0; group < c; group += 4) {
    const int32_t i = group + 4 <= c || c < 4 ? group : c - 4;
    for (int32_t tap = 0; tap < taps; tap++, panel += 2) {
      uint32_t word = 0;
      for (int32_t j = 0; j < 4 && i + j < c; j++) {
        word |= (uint32_t)(uint8_t)weight[(i + j) * taps + tap] << (8 * j);
      }
      panel[0] = mf_pair_even(word);
      panel[1] = mf_pair_odd(word);
    }
    for (int32_t j = 0; j < 4; j++, panel += 2) {
      panel[0] = i + j < c ? (uint32_t)mult[i + j] : 0;
      panel[1] = i + j < c ? (uint32_t)add[i + j] : 0;
    }
  }
}

/* All channels of one cell. */
MF_INLINE void mf_depthwise_cell(
    const int8_t *x, const uint32_t *panel, const int8_t *lut, int8_t *y, int32_t pitch, int32_t c,
    int32_t kh, int32_t kw, const mf_scale_t *scale) {
  const int32_t width = c < 4 ? c : 4;
  for (int32_t group = 0; group < c; group += 4) {
    const int32_t i = group + 4 <= c || c < 4 ? group : c - 4;
    int32_t acc[4];
    panel = mf_taps_4(x + i, panel, pitch, c, kh, kw, width, !scale->wide, acc);
    const int32_t *tail = (const int32_t *)panel - 8;
    for (int32_t j = 0; j < width; j++) {
      y[i + j] = mf_finished(scale, acc[j], tail + 2 * j, lut);
    }
  }
}

/* All channels of two cells side by side, the second `step` bytes behind the first; c >= 4. */
MF_INLINE void mf_depthwise_pair(
    const int8_t *x, const uint32_t *panel, const int8_t *lut, int8_t *y, int32_t pitch, int32_t c,
    int32_t kh, int32_t kw, int32_t step, const mf_scale_t *scale) {
  for (int32_t group = 0; group < c; group += 4) {
    const int32_t i = group + 4 <= c ? group : c - 4;
    int32_t sums[8];
    panel = mf_taps_2x4(x + i, panel, pitch, c, kh, kw, step, !scale->wide, sums);
    const int32_t *tail = (const int32_t *)panel - 8;
    for (int32_t j = 0; j < 4; j++) {
      y[i + j] = mf_finished(scale, sums[j], tail + 2 * j, lut);
      y[c + i + j] = mf_finished(scale, sums[4 + j], tail + 2 * j, lut);
    }
  }
}

/* Arguments as of mf_depthwise_s8_dsp. */
MF_INLINE void mf_depthwise(
    const int8_t *restrict x,       /* [h, w, c] */
    const int8_t *restrict weight,  /* [c, kh, kw, 1] */
    const int32_t *restrict mult,   /* [c] */
    const int32_t *restrict add,    /* [c] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [oh, ow, c] */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t dilation_h,
    int32_t dilation_w, int32_t pad_value, const mf_scale_t *scale,
    void *restrict scratch /* uint32 [ceil(c / 4), 2 taps + 8], int8 [kh, kw + stride_w, c] */) {
  const int32_t taps = kh * kw, step = stride_w * c;
  uint32_t *panels = (uint32_t *)scratch;
  int8_t *patch = (int8_t *)(panels + ((c + 3) >> 2) * (2 * taps + 8));
  mf_depthwise_panels(weight, mult, add, panels, c, taps);
  for (int32_t oy = 0; oy < oh; oy++) {
    const int32_t top = oy * stride_h - pad_top;
    const int32_t there = top >= 0 && top + (kh - 1) * dilation_h < h && dilation_w == 1;
    int32_t ox = 0;
    if (MF_TWO_CELLS(c, kw, step) && dilation_w == 1) {
#pragma GCC unroll 1
      for (; ox + 2 <= ow; ox += 2, y += 2 * c) {
        const int32_t left = ox * stride_w - pad_left, wide = kw + stride_w;
        const int8_t *cell = x + (top * w + left) * c;
        int32_t pitch = dilation_h * w * c;
        if (!there || left < 0 || left + wide > w) {
          mf_patch(x, patch, h, w, c, kh, wide, top, left, dilation_h, 1, pad_value);
          cell = patch, pitch = wide * c;
        }
        mf_depthwise_pair(cell, panels, lut, y, pitch, c, kh, kw, step, scale);
      }
    }
    for (; ox < ow; ox++, y += c) {
      const int32_t left = ox * stride_w - pad_left;
      const int8_t *cell = x + (top * w + left) * c;
      int32_t pitch = dilation_h * w * c;
      if (!there || left < 0 || left + kw > w) {
        mf_patch(x, patch, h, w, c, kh, kw, top, left, dilation_h, dilation_w, pad_value);
        cell = patch, pitch = kw * c;
      }
      mf_depthwise_cell(cell, panels, lut, y, pitch, c, kh, kw, scale);
    }
  }
}

#endif
