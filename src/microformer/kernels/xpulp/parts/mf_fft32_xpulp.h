/* SPDX-License-Identifier: Apache-2.0 */
/* The 32-point FFT of one range point on a PULP core, and its levels: equation (13). */
#ifndef MF_FFT32_XPULP_H
#define MF_FFT32_XPULP_H

#include "mf_complex_xpulp.h"
#include "mf_fft32.h"

enum {
  MF_FFT_LINE = 64,               /* bytes from one Doppler bin to the next in a tile */
  MF_FFT_WORDS = 32 + 21,         /* a core's values and twiddles: odd, so banks differ */
  MF_LEVEL_ZERO = 23 * 128        /* where the index of a power of 2^7 + 0 leading bits begins */
};

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

/* (13f): the level of one bin to its line. */
MF_INLINE void mf_fft_level_xpulp(int32_t bin, const int8_t *levels, int8_t *to) {
  const int32_t power = mf_sdot2(MF_POWER_OFFSET, bin, bin);
  const int32_t leading = mf_leading(power);
  const int32_t top = (int32_t)((uint32_t)power << leading) >> 23;
  *to = (int8_t)mf_level(levels, mf_mac(top, leading, -128));
}

/* (13d) of b[4], and the levels of bins at `to`, 8, 16 and 24 lines behind it; shifted by 16. */
MF_INLINE void mf_fft_four_xpulp(
    int32_t b0, int32_t b1, int32_t b2, int32_t b3, int32_t given, const int8_t *levels,
    int8_t *to) {
  const int32_t c0 = mf_half_add2(b0, b2), c1 = mf_half_add2(b1, b3);
  const int32_t c2 = mf_half_sub2(b0, b2), c3 = mf_turned_sub2(mf_half_sub2(b1, b3), 0);
  mf_fft_level_xpulp(mf_add2(mf_add2(c0, c1), given), levels, to + 16 * MF_FFT_LINE);
  mf_fft_level_xpulp(mf_sub2(c0, c1), levels, to);
  mf_fft_level_xpulp(mf_add2(c2, c3), levels, to + 24 * MF_FFT_LINE);
  mf_fft_level_xpulp(mf_sub2(c2, c3), levels, to + 8 * MF_FFT_LINE);
}

/* One point: samples `pitch` bytes apart to 32 levels a line apart, zero Doppler in line 16.
 * `own`: the core's 32 values, and behind them its twiddles. `levels` points to MF_LEVEL_ZERO. */
MF_INLINE void mf_fft_point_xpulp(
    const int32_t *x, int32_t pitch, int32_t shifts, int32_t *own, const int8_t *levels,
    int8_t *to) {
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
  const int32_t root1 = (int32_t)(MF_PAIR(MF_FFT_ROOT, -MF_FFT_ROOT));
  const int32_t root3 = (int32_t)(MF_PAIR(-MF_FFT_ROOT, -MF_FFT_ROOT));
  const int32_t given = MF_FFT_GIVEN_BACK * 0x10001;
#pragma GCC unroll 1
  for (int32_t k = 0; k < 4; k++, own += 8, to += MF_FFT_LINE) {
    const int32_t y0 = own[0], y1 = own[1], y2 = own[2], y3 = own[3];
    const int32_t y4 = own[4], y5 = own[5], y6 = own[6], y7 = own[7];
    mf_fft_four_xpulp(
        mf_add2(y0, y4), mf_add2(y1, y5), mf_add2(y2, y6), mf_add2(y3, y7), given, levels, to);
    mf_fft_four_xpulp(
        mf_sub2(y0, y4), mf_times15(mf_sub2(y1, y5), root1), mf_turned_sub2(y2, y6),
        mf_times15(mf_sub2(y3, y7), root3), 0, levels, to + 4 * MF_FFT_LINE);
  }
}

#endif
