/* SPDX-License-Identifier: Apache-2.0 */
/* Range-Doppler map of a window by pairs of int16; equation (13). */
#ifndef MF_RANGE_DOPPLER_S16_DSP_H
#define MF_RANGE_DOPPLER_S16_DSP_H

#include "mf_fft32_dsp.h"

/* (13f): the level of a bin; `levels` points behind the table. */
MF_INLINE int8_t mf_fft_level_dsp(uint32_t bin, const int8_t *levels) {
  const uint32_t power = (uint32_t)mf_dot_pair(bin, bin, MF_POWER_OFFSET);
#if defined(__GNUC__)
  const int32_t zeros = __builtin_clz(power); /* it is not 0 */
#else
  const int32_t zeros = 32 - mf_bit_length(power);
#endif
  return levels[(int32_t)(power << zeros >> 24) - 128 * zeros];
}

/* The levels of four bins, those of an eighth of a turn apart `far` apart. */
MF_INLINE void mf_fft_levels_dsp(
    const uint32_t bins[4], const int8_t *levels, int8_t *low, int8_t *high, int32_t eighth) {
  low[0] = mf_fft_level_dsp(bins[2], levels);
  low[eighth] = mf_fft_level_dsp(bins[3], levels);
  high[0] = mf_fft_level_dsp(bins[0], levels);
  high[eighth] = mf_fft_level_dsp(bins[1], levels);
}

/* One point: 32 samples `pitch` values apart to 32 levels `line` bytes apart. */
MF_INLINE void mf_fft_point_dsp(
    const int16_t *x, int32_t pitch, int32_t preshift, uint32_t *values, const int8_t *levels,
    int8_t *y, int32_t line) {
  mf_fft_rows_dsp(x, pitch, preshift, values);
#pragma GCC unroll 1
  for (int32_t k = 0; k < 4; k++, values += 8, y += line) {
    uint32_t bins[4];
    mf_fft_even_dsp(values, bins);
    mf_fft_levels_dsp(bins, levels, y, y + 16 * line, 8 * line);
    mf_fft_odd_dsp(values, bins);
    mf_fft_levels_dsp(bins, levels, y + 4 * line, y + 20 * line, 8 * line);
  }
}

static inline void mf_range_doppler_s16_dsp(
    const int16_t *restrict x,    /* [sensors, 32, points, 2] */
    const int8_t *restrict table, /* [3072] */
    int8_t *restrict y,           /* [32, ceil(points / step), sensors] */
    int32_t sensors, int32_t points, int32_t step, int32_t preshift,
    void *scratch /* 32 words */) {
  const int32_t columns = (points + step - 1) / step;
  for (int32_t column = 0; column < columns; column++) {
    for (int32_t sensor = 0; sensor < sensors; sensor++) {
      mf_fft_point_dsp(
          x + 2 * (sensor * 32 * points + column * step), 2 * points, preshift,
          (uint32_t *)scratch, table + 3072, y + column * sensors + sensor, columns * sensors);
    }
  }
}

#endif
