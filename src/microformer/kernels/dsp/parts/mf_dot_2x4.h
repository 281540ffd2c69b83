/* SPDX-License-Identifier: Apache-2.0 */
/* The inner loop of the matrix products of dsp: two rows by four columns of int16 pairs. */
#ifndef MF_DOT_2X4_H
#define MF_DOT_2X4_H

#include "mf_dot_2x4_asm.h"

/* Words behind a panel of columns: mult and add of each of its four columns. */
#define MF_PANEL_TAIL 8

/* sums[4 i + j] = x row i times w column j; with `scaled`, times mult plus add of the column.
 * words is even and positive. Returns the address behind the two rows of x. */
MF_INLINE const uint32_t *mf_dot_2x4(
    const uint32_t *rows,    /* [words, 2] */
    const uint32_t *columns, /* [words, 4], then [4, 2]: mult and add, read if `scaled` */
    int32_t words, int32_t scaled, int32_t sums[8]) {
#ifdef MF_DOT_ASM
  register const uint32_t *x __asm("r0") = rows;
  register const uint32_t *w __asm("r1") = columns;
  register uint32_t a __asm("r2"), b __asm("r3"), c __asm("r4"), d __asm("r5");
  register int32_t a0 __asm("r6"), a1 __asm("r7"), a2 __asm("r8"), a3 __asm("r9");
  register int32_t b0 __asm("r10"), b1 __asm("r11"), b2 __asm("r12"), b3 __asm("lr");
  if (MF_SPEED && __builtin_constant_p(words) && words >= 16 && words < 48) {
    MF_STRAIGHT_16_2X4; /* two turns at most: no loop */
    if (words >= 32) {
      MF_ONCE_2X4(MF_PAIRS_8(0, 0) MF_PAIRS_8(64, 128), 128, 256);
    }
  } else if (words >= 16) {
    a = (uint32_t)(w + 4 * (words & ~15)); /* where the loop ends */
    MF_LOOP_16_2X4;
  } else {
    a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0, a = 0;
  }
  if ((words & 8) != 0) {
    MF_ONCE_2X4(MF_PAIRS_8(0, 0), 64, 128);
  }
  if ((words & 7) != 0) {
    a = (uint32_t)(w + 4 * (words & 7));
    MF_LOOP_2X4(MF_PAIR_2X4(0, 0) MF_PAIR_2X4(8, 16), 16, 32);
  }
  if (scaled) {
    __asm volatile(MF_SCALE_2X4 : MF_SUMS_2X4 : : "memory");
  }
#else
  const uint32_t *x = rows;
  const uint32_t *w = columns;
  int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
  for (int32_t i = 0; i < words; i++, x += 2, w += 4) {
    const uint32_t a = x[0], b = x[1];
    uint32_t c = w[0], d = w[1];
    a0 = mf_dot_pair(a, c, a0), b0 = mf_dot_pair(b, c, b0);
    a1 = mf_dot_pair(a, d, a1), b1 = mf_dot_pair(b, d, b1);
    c = w[2], d = w[3];
    a2 = mf_dot_pair(a, c, a2), b2 = mf_dot_pair(b, c, b2);
    a3 = mf_dot_pair(a, d, a3), b3 = mf_dot_pair(b, d, b3);
  }
  if (scaled) {
    const int32_t *tail = (const int32_t *)w;
    a0 = a0 * tail[0] + tail[1], b0 = b0 * tail[0] + tail[1];
    a1 = a1 * tail[2] + tail[3], b1 = b1 * tail[2] + tail[3];
    a2 = a2 * tail[4] + tail[5], b2 = b2 * tail[4] + tail[5];
    a3 = a3 * tail[6] + tail[7], b3 = b3 * tail[6] + tail[7];
  }
#endif
  sums[0] = a0, sums[1] = a1, sums[2] = a2, sums[3] = a3;
  sums[4] = b0, sums[5] = b1, sums[6] = b2, sums[7] = b3;
  return x;
}

/* Stores a tile: two rows n apart (one if only one is left), `width` columns. */
MF_INLINE void mf_store_2x4(
    int8_t *to, int32_t n, int32_t left, int32_t width, const int32_t value[8]) {
  if (width == 4) {
    to[0] = (int8_t)value[0], to[1] = (int8_t)value[1];
    to[2] = (int8_t)value[2], to[3] = (int8_t)value[3];
    if (left > 1) {
      to[n] = (int8_t)value[4], to[n + 1] = (int8_t)value[5];
      to[n + 2] = (int8_t)value[6], to[n + 3] = (int8_t)value[7];
    }
    return;
  }
  for (int32_t j = 0; j < width; j++) {
    to[j] = (int8_t)value[j];
    if (left > 1) {
      to[n + j] = (int8_t)value[4 + j];
    }
  }
}

#endif
