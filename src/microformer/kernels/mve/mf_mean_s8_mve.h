/* SPDX-License-Identifier: Apache-2.0 */
/* Mean over adjacent axes on vectors, equation (10). */
#ifndef MF_MEAN_S8_MVE_H
#define MF_MEAN_S8_MVE_H

#include "mf_vector_mve.h"

/* Sums of at most this many int8 fit 16 bits. */
#define MF_MEAN_PART 255

#if MF_HAS_MVE
/* The sums of eight columns, of which `lanes` are there, over `reduced` rows: even and odd ones. */
MF_INLINE void mf_mve_column_sums(
    const int8_t *x, int32_t reduced, int32_t inner, mve_pred16_t lanes, int32x4_t sums[2]) {
  sums[0] = vdupq_n_s32(0), sums[1] = vdupq_n_s32(0);
  for (int32_t left = reduced; left > 0; left -= MF_MEAN_PART) {
    int16x8_t part = vdupq_n_s16(0);
#pragma GCC unroll 4
    for (int32_t j = left < MF_MEAN_PART ? left : MF_MEAN_PART; j > 0; j--, x += inner) {
      part = vaddq_s16(part, vldrbq_z_s16(x, lanes));
    }
    sums[0] = vaddq_s32(sums[0], vmovlbq_s16(part));
    sums[1] = vaddq_s32(sums[1], vmovltq_s16(part));
  }
}
#endif

static inline void mf_mean_s8_mve(
    const int8_t *restrict x, /* [outer, reduced, inner] */
    int8_t *restrict y,       /* [outer, inner] */
    int32_t outer, int32_t reduced, int32_t inner, int32_t mult, int32_t add, int32_t shift) {
  for (int32_t row = 0; row < outer; row++, x += reduced * inner) {
    int32_t i = 0;
#if MF_HAS_MVE
    if (inner == 1) {
      int32_t sum = 0;
      for (int32_t j = 0; j < reduced; j += 16) {
        sum = vaddvaq_s8(sum, vldrbq_z_s8(x + j, vctp8q((uint32_t)(reduced - j))));
      }
      *y++ = mf_requantize(sum, mult, add, shift);
      continue;
    }
    for (; i < inner; i += 8, y += 8) {
      const mve_pred16_t lanes = vctp16q((uint32_t)(inner - i));
      int32x4_t sums[2];
      mf_mve_column_sums(x + i, reduced, inner, lanes, sums);
      for (int32_t odd = 0; odd < 2; odd++) {
        const int32x4_t scaled = vaddq_n_s32(vmulq_n_s32(sums[odd], mult), add);
        sums[odd] = vshlq_r_s32(scaled, -shift);
      }
      const int16x8_t even = vqmovnbq_s32(vdupq_n_s16(0), sums[0]);
      const int16x8_t value = vqmovntq_s32(even, sums[1]);
      const int16x8_t low = vmaxq_s16(value, vdupq_n_s16(-128));
      vstrbq_p_s16(y, vminq_s16(low, vdupq_n_s16(127)), lanes);
    }
    y -= i - inner;
#endif
    for (; i < inner; i++) {
      int32_t sum = 0;
      for (int32_t j = 0; j < reduced; j++) {
        sum += x[j * inner + i];
      }
      *y++ = mf_requantize(sum, mult, add, shift);
    }
  }
}

#endif
