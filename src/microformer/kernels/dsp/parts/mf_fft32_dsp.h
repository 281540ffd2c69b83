/* SPDX-License-Identifier: Apache-2.0 */
/* The 32-point FFT of both front ends by pairs of int16; equations (13a) to (13e). */
#ifndef MF_FFT32_DSP_H
#define MF_FFT32_DSP_H

#include "mf_complex_dsp.h"
#include "mf_fft32.h"

/* (13a), (13b) of row m: four samples `eighth` apart to values[0], [8], [16], [24]. */
MF_INLINE void mf_fft_row_dsp(
    const int16_t *x, int32_t eighth, int32_t preshift, const uint32_t *w, uint32_t *values) {
  uint32_t u[4];
  mf_load_four_pairs(x, eighth, u);
  for (int32_t i = 0; i < 4 && preshift != 0; i++) {
    u[i] = mf_pair_half(mf_pair_half(u[i]));
  }
  const uint32_t a = mf_pair_add(u[0], u[2]), b = mf_pair_add(u[1], u[3]);
  const uint32_t c = mf_pair_sub(u[0], u[2]), d = mf_pair_sub(u[1], u[3]);
  values[0] = mf_pair_half(mf_pair_half(mf_pair_half(mf_pair_add(a, b))));
  if (w == NULL) { /* m = 0: nothing turns */
    values[8] = mf_pair_half(mf_pair_half(mf_pair_half(mf_pair_sub_j(c, d))));
    values[16] = mf_pair_half(mf_pair_half(mf_pair_half(mf_pair_sub(a, b))));
    values[24] = mf_pair_half(mf_pair_half(mf_pair_half(mf_pair_add_j(c, d))));
    return;
  }
  values[8] = mf_pair_times16(mf_pair_sub_j(c, d), w[0]);
  values[16] = mf_pair_times16(mf_pair_sub(a, b), w[1]);
  values[24] = mf_pair_times16(mf_pair_add_j(c, d), w[2]);
}

/* (13a), (13b): 32 samples `pitch` values apart to the four columns of values[32]. */
MF_INLINE void mf_fft_rows_dsp(
    const int16_t *x, int32_t pitch, int32_t preshift, uint32_t *values) {
  mf_fft_row_dsp(x, 8 * pitch, preshift, NULL, values);
#pragma GCC unroll 1
  for (int32_t m = 1; m < 8; m++) {
    mf_fft_row_dsp(x + m * pitch, 8 * pitch, preshift, mf_fft_twiddles[m - 1], values + m);
  }
}

/* (13d) of b[4]: every second of eight bins, an eighth of a turn apart. */
MF_INLINE void mf_fft_four_dsp(
    uint32_t b0, uint32_t b1, uint32_t b2, uint32_t b3, uint32_t given, uint32_t bins[4]) {
  const uint32_t c0 = mf_pair_half_add(b0, b2), c1 = mf_pair_half_add(b1, b3);
  const uint32_t c2 = mf_pair_half_sub(b0, b2), c3 = mf_pair_half_sub(b1, b3);
  bins[0] = mf_pair_add(mf_pair_add(c0, c1), given);
  bins[1] = mf_pair_sub_j(c2, c3);
  bins[2] = mf_pair_sub(c0, c1);
  bins[3] = mf_pair_add_j(c2, c3);
}

/* (13c) to (13e) of a column's values[8]: bins 0, 8, 16, 24 behind the column's first. Registers
 * are few: what the odd ones are made of waits in memory. */
MF_INLINE void mf_fft_even_dsp(uint32_t *values, uint32_t bins[4]) {
  uint32_t even[4];
  for (int32_t i = 0; i < 4; i++) {
    const uint32_t low = values[i], high = values[i + 4];
    even[i] = mf_pair_add(low, high);
    values[i + 4] = mf_pair_sub(low, high);
  }
  mf_fft_four_dsp(
      even[0], even[1], even[2], even[3], MF_FFT_GIVEN_BACK * 0x10001u, bins);
}

/* Bins 4, 12, 20, 28 behind it. */
MF_INLINE void mf_fft_odd_dsp(const uint32_t *values, uint32_t bins[4]) {
  const uint32_t root1 = MF_PAIR(MF_FFT_ROOT, -MF_FFT_ROOT);
  const uint32_t root3 = MF_PAIR(-MF_FFT_ROOT, -MF_FFT_ROOT);
  mf_fft_four_dsp(
      values[4], mf_pair_times15(values[5], root1), mf_pair_sub_j(0, values[6]),
      mf_pair_times15(values[7], root3), 0, bins);
}

#endif
