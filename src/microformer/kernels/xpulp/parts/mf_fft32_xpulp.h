/* SPDX-License-Identifier: Apache-2.0 */
/* The 32-point FFT of both front ends on a PULP core: equations (13a) to (13e). */
#ifndef MF_FFT32_XPULP_H
#define MF_FFT32_XPULP_H

#include "mf_complex_xpulp.h"
#include "mf_fft32.h"

enum { MF_FFT_WORDS = 32 + 21 }; /* a core's values and twiddles: odd, so banks differ */

/* (13a), (13b) of one row m > 0: four samples 8 sweeps apart to values[0], [8], [16], [24]. */
MF_INLINE void mf_fft_row_xpulp(
    const int32_t *at[4], int32_t pitch, int32_t shifts, const int32_t **w, int32_t *values) {
  const int32_t x0 = mf_shift2(mf_load_step(&at[0], pitch), shifts);
  const int32_t x1 = mf_shift2(mf_load_step(&at[1], pitch), shifts);
  const int32_t x2 = mf_shift2(mf_load_step(&at[2], pitch), shifts);
  const int32_t x3 = mf_shift2(mf_load_step(&at[3], pitch), shifts);
  const int32_t a = mf_add2(x0, x2), b = mf_add2(x1, x3);
  const int32_t c = mf_sub2(x0, x2), d = mf_turned_sub2(x1, x3);
  values[0] = mf_eighth_add2(a, b);
  if (w == NULL) { /* m = 0: nothing turns */
    values[8] = mf_eighth_add2(c, d);
    values[16] = mf_eighth_sub2(a, b);
    values[24] = mf_eighth_sub2(c, d);
    return;
  }
  const int32_t w1 = mf_load_next(w), w2 = mf_load_next(w), w3 = mf_load_next(w);
  values[8] = mf_times16(mf_add2(c, d), w1);
  values[16] = mf_times16(mf_sub2(a, b), w2);
  values[24] = mf_times16(mf_sub2(c, d), w3);
}

/* (13a), (13b): 32 samples `pitch` bytes apart to the four columns of own[32]. `own`: the core's 32
 * values, and behind them its twiddles. */
MF_INLINE void mf_fft_rows_xpulp(const int32_t *x, int32_t pitch, int32_t shifts, int32_t *own) {
  const int32_t *at[4];
  for (int32_t n = 0; n < 4; n++) {
    at[n] = (const int32_t *)(const void *)((const char *)x + 8 * n * pitch);
  }
  const int32_t *w = own + 32;
  mf_fft_row_xpulp(at, pitch, shifts, NULL, own);
#pragma GCC unroll 7
  for (int32_t m = 1; m < 8; m++) {
    mf_fft_row_xpulp(at, pitch, shifts, &w, own + m);
  }
}

/* A core's twiddles, behind its values. */
MF_INLINE void mf_fft_own_xpulp(int32_t *own) {
  for (int32_t i = 0; i < 21; i++) {
    own[32 + i] = (int32_t)mf_fft_twiddles[i / 3][i % 3];
  }
}

/* (13d) of b[4]: every second of eight bins, an eighth of a turn apart. */
MF_INLINE void mf_fft_four_xpulp(
    int32_t b0, int32_t b1, int32_t b2, int32_t b3, int32_t given, int32_t bins[4]) {
  const int32_t c0 = mf_half_add2(b0, b2), c1 = mf_half_add2(b1, b3);
  const int32_t c2 = mf_half_sub2(b0, b2), c3 = mf_turned_sub2(mf_half_sub2(b1, b3), 0);
  bins[0] = mf_add2(mf_add2(c0, c1), given);
  bins[1] = mf_add2(c2, c3);
  bins[2] = mf_sub2(c0, c1);
  bins[3] = mf_sub2(c2, c3);
}

/* (13c) to (13e) of a column's values y[8]: bins 0, 8, 16, 24 behind the column's first. */
MF_INLINE void mf_fft_even_xpulp(const int32_t y[8], int32_t bins[4]) {
  mf_fft_four_xpulp(
      mf_add2(y[0], y[4]), mf_add2(y[1], y[5]), mf_add2(y[2], y[6]), mf_add2(y[3], y[7]),
      MF_FFT_GIVEN_BACK * 0x10001, bins);
}

/* Bins 4, 12, 20, 28 behind it. */
MF_INLINE void mf_fft_odd_xpulp(const int32_t y[8], int32_t bins[4]) {
  const int32_t root1 = (int32_t)(MF_PAIR(MF_FFT_ROOT, -MF_FFT_ROOT));
  const int32_t root3 = (int32_t)(MF_PAIR(-MF_FFT_ROOT, -MF_FFT_ROOT));
  mf_fft_four_xpulp(
      mf_sub2(y[0], y[4]), mf_times15(mf_sub2(y[1], y[5]), root1), mf_turned_sub2(y[2], y[6]),
      mf_times15(mf_sub2(y[3], y[7]), root3), 0, bins);
}

#endif
