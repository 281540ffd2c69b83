/* SPDX-License-Identifier: Apache-2.0 */
/* Sixteen 8-bit products an instruction: the vectors of Armv8.1-M (Helium), and the same in C.
 *
 * Without the extension each function is plain C of the same bits, so that kernels of the set
 * mve are tested on any machine. */
#ifndef MF_MVE_H
#define MF_MVE_H

#include "mf_core.h"

#if defined(__ARM_FEATURE_MVE) && defined(__GNUC__) && defined(__OPTIMIZE__)
#include <arm_mve.h>

#include "mf_mve_asm.h"
#define MF_HAS_MVE 1
#else
#define MF_HAS_MVE 0
#endif

/* Bytes of a row padded to whole vectors. */
static inline int32_t mf_padded(int32_t k) { return (k + 15) & ~15; }

/* Four columns of k bytes, `stride` apart, sixteen values of each in turn, zeros behind the last:
 * panel holds [padded(k) / 16, 4, 16]. Columns from `count` on repeat the last one. */
MF_INLINE void mf_mve_panel(
    const int8_t *from, int8_t *panel, int32_t k, int32_t stride, int32_t count) {
  for (int32_t j = 0; j < 4; j++) {
    const int8_t *column = from + (j < count ? j : count - 1) * stride;
    int8_t *to = panel + 16 * j;
    for (int32_t i = 0; i < k; i += 16, to += 64) {
#if MF_HAS_MVE
      vst1q_s8(to, vldrbq_z_s8(column + i, vctp8q((uint32_t)(k - i))));
#else
      for (int32_t t = 0; t < 16; t++) {
        to[t] = i + t < k ? column[i + t] : 0;
      }
#endif
    }
  }
}

#if !MF_HAS_MVE
/* One product; unsigned bytes if not `is_signed`. */
static inline int32_t mf_mve_product(int8_t a, int8_t b, int32_t is_signed) {
  return is_signed ? a * b : (uint8_t)a * (uint8_t)b;
}
#endif

/* sums[4 i + j] = row i times column j of a panel, k values, as int8 or (both) as uint8. */
MF_INLINE void mf_mve_dot_2x4(
    const int8_t *first, const int8_t *second, const int8_t *panel, int32_t k, int32_t is_signed,
    int32_t sums[8]) {
#if MF_HAS_MVE
  register const int8_t *x0 __asm("r1") = first;
  register const int8_t *x1 __asm("r3") = second;
  register const int8_t *w __asm("r5") = panel;
  register int32_t count __asm("r7");
  register int32_t a0 __asm("r0"), a1 __asm("r2"), a2 __asm("r4"), a3 __asm("r6");
  register int32_t b0 __asm("r8"), b1 __asm("r10"), b2 __asm("r12"), b3 __asm("lr");
  if (is_signed) {
    MF_MVE_WHOLE(".s8", 0);
  } else {
    MF_MVE_WHOLE(".u8", 0);
  }
  if ((k & 15) != 0) {
    int32_t save;
    count = k & 15;
    if (is_signed) {
      MF_MVE_ONCE(MF_MVE_TAIL("a.s8"));
    } else {
      MF_MVE_ONCE(MF_MVE_TAIL("a.u8"));
    }
  }
  sums[0] = a0, sums[1] = a1, sums[2] = a2, sums[3] = a3;
  sums[4] = b0, sums[5] = b1, sums[6] = b2, sums[7] = b3;
#else
  for (int32_t j = 0; j < 4; j++) {
    int32_t a = 0, b = 0;
    for (int32_t i = 0; i < k; i++) {
      const int8_t value = panel[(i >> 4) * 64 + 16 * j + (i & 15)];
      a += mf_mve_product(first[i], value, is_signed);
      b += mf_mve_product(second[i], value, is_signed);
    }
    sums[j] = a;
    sums[4 + j] = b;
  }
#endif
}

/* sums[4 i + j] = row i times column j, rows that lie in `parts` parts of k values, a multiple of
 * sixteen: the next one of a row is its pitch further on. */
MF_INLINE void mf_mve_dot_parts_2x4(
    const int8_t *first, int32_t first_pitch, const int8_t *second, int32_t second_pitch,
    const int8_t *panel /* [parts, k / 16, 4, 16] */, int32_t k, int32_t parts, int32_t sums[8]) {
#if MF_HAS_MVE
  register const int8_t *x0 __asm("r1") = first;
  register const int8_t *x1 __asm("r3") = second;
  register const int8_t *w __asm("r5") = panel;
  register int32_t count __asm("r7");
  register int32_t a0 __asm("r0"), a1 __asm("r2"), a2 __asm("r4"), a3 __asm("r6");
  register int32_t b0 __asm("r8"), b1 __asm("r10"), b2 __asm("r12"), b3 __asm("lr");
  MF_MVE_WHOLE(".s8", 0);
#pragma GCC unroll 4
  for (int32_t part = 1; part < parts; part++) {
    x0 += first_pitch - k;
    x1 += second_pitch - k;
    MF_MVE_WHOLE(".s8", 1);
  }
  sums[0] = a0, sums[1] = a1, sums[2] = a2, sums[3] = a3;
  sums[4] = b0, sums[5] = b1, sums[6] = b2, sums[7] = b3;
#else
  for (int32_t i = 0; i < 8; i++) {
    sums[i] = 0;
  }
  for (int32_t part = 0; part < parts; part++, panel += 4 * k) {
    int32_t more[8];
    mf_mve_dot_2x4(
        first + part * first_pitch, second + part * second_pitch, panel, k, 1, more);
    for (int32_t i = 0; i < 8; i++) {
      sums[i] += more[i];
    }
  }
#endif
}

/* sums[j] = x times column j, k values of each; the columns are read where they lie. */
MF_INLINE void mf_mve_dot_1x4(
    const int8_t *x, const int8_t *const columns[4], int32_t k, int32_t sums[4]) {
#if MF_HAS_MVE
  register const int8_t *w0 __asm("r1") = columns[0];
  register const int8_t *w1 __asm("r3") = columns[1];
  register const int8_t *w2 __asm("r5") = columns[2];
  register const int8_t *w3 __asm("r7") = columns[3];
  register const int8_t *from __asm("r9") = x;
  register int32_t count __asm("lr");
  register int32_t a0 __asm("r0") = 0, a1 __asm("r2") = 0, a2 __asm("r4") = 0, a3 __asm("r6") = 0;
  if (k >= 64) {
    count = k >> 6;
    MF_MVE_ROW_LOOP(MF_MVE_ROW_STEP MF_MVE_ROW_STEP MF_MVE_ROW_STEP MF_MVE_ROW_STEP);
  }
  if ((k & 48) != 0) {
    count = k >> 4 & 3;
    MF_MVE_ROW_LOOP(MF_MVE_ROW_STEP);
  }
  if ((k & 15) != 0) {
    int32_t save;
    count = k & 15;
    MF_MVE_ROW_ONCE(MF_MVE_ROW_TAIL);
  }
  sums[0] = a0, sums[1] = a1, sums[2] = a2, sums[3] = a3;
#else
  for (int32_t j = 0; j < 4; j++) {
    sums[j] = 0;
    for (int32_t i = 0; i < k; i++) {
      sums[j] += x[i] * columns[j][i];
    }
  }
#endif
}

#endif
