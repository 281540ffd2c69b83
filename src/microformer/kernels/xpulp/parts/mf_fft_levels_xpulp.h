/* SPDX-License-Identifier: Apache-2.0 */
/* The levels of one range point's 32 bins on a PULP core: equations (13f), (13g). */
#ifndef MF_FFT_LEVELS_XPULP_H
#define MF_FFT_LEVELS_XPULP_H

#include "mf_fft32_xpulp.h"

enum {
  MF_FFT_LINE = 64,        /* bytes from one Doppler bin to the next in a tile */
  MF_LEVEL_ZERO = 23 * 128 /* where the index of a power of 2^7 + 0 leading bits begins */
};

/* (13f): the level of one bin to its line. */
MF_INLINE void mf_fft_level_xpulp(int32_t bin, const int8_t *levels, int8_t *to) {
  const int32_t power = mf_sdot2(MF_POWER_OFFSET, bin, bin);
  const int32_t leading = mf_leading(power);
  const int32_t top = (int32_t)((uint32_t)power << leading) >> 23;
  *to = (int8_t)mf_level(levels, mf_mac(top, leading, -128));
}

/* The levels of four bins an eighth of a turn apart, at `to`, 8, 16 and 24 lines behind it; shifted
 * by 16. */
MF_INLINE void mf_fft_levels_xpulp(const int32_t bins[4], const int8_t *levels, int8_t *to) {
  mf_fft_level_xpulp(bins[0], levels, to + 16 * MF_FFT_LINE);
  mf_fft_level_xpulp(bins[2], levels, to);
  mf_fft_level_xpulp(bins[1], levels, to + 24 * MF_FFT_LINE);
  mf_fft_level_xpulp(bins[3], levels, to + 8 * MF_FFT_LINE);
}

/* One point: samples `pitch` bytes apart to 32 levels a line apart, zero Doppler in line 16.
 * `levels` points to MF_LEVEL_ZERO. */
MF_INLINE void mf_fft_point_xpulp(
    const int32_t *x, int32_t pitch, int32_t shifts, int32_t *own, const int8_t *levels,
    int8_t *to) {
  mf_fft_rows_xpulp(x, pitch, shifts, own);
#pragma GCC unroll 1
  for (int32_t k = 0; k < 4; k++, own += 8, to += MF_FFT_LINE) {
    const int32_t y[8] = {own[0], own[1], own[2], own[3], own[4], own[5], own[6], own[7]};
    int32_t bins[4];
    mf_fft_even_xpulp(y, bins);
    mf_fft_levels_xpulp(bins, levels, to);
    mf_fft_odd_xpulp(y, bins);
    mf_fft_levels_xpulp(bins, levels, to + 4 * MF_FFT_LINE);
  }
}

#endif
