/* SPDX-License-Identifier: Apache-2.0 */
/* Range-Doppler map of a window by pairs of int16; equation (13). */
#ifndef MF_RANGE_DOPPLER_S16_DSP_H
#define MF_RANGE_DOPPLER_S16_DSP_H

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

/* (13d) of b[4], and the levels of its bins, those of an eighth of a turn apart `far` apart. */
MF_INLINE void mf_fft_four_dsp(
    uint32_t b0, uint32_t b1, uint32_t b2, uint32_t b3, uint32_t given, const int8_t *levels,
    int8_t *low, int8_t *high, int32_t eighth) {
  const uint32_t c0 = mf_pair_half_add(b0, b2), c1 = mf_pair_half_add(b1, b3);
  const uint32_t c2 = mf_pair_half_sub(b0, b2), c3 = mf_pair_half_sub(b1, b3);
  low[0] = mf_fft_level_dsp(mf_pair_sub(c0, c1), levels);
  low[eighth] = mf_fft_level_dsp(mf_pair_add_j(c2, c3), levels);
  high[0] = mf_fft_level_dsp(mf_pair_add(mf_pair_add(c0, c1), given), levels);
  high[eighth] = mf_fft_level_dsp(mf_pair_sub_j(c2, c3), levels);
}

/* One point: 32 samples `pitch` values apart to 32 levels `line` bytes apart. */
MF_INLINE void mf_fft_point_dsp(
    const int16_t *x, int32_t pitch, int32_t preshift, uint32_t *values, const int8_t *levels,
    int8_t *y, int32_t line) {
  mf_fft_row_dsp(x, 8 * pitch, preshift, NULL, values);
#pragma GCC unroll 1
  for (int32_t m = 1; m < 8; m++) {
    mf_fft_row_dsp(x + m * pitch, 8 * pitch, preshift, mf_fft_twiddles[m - 1], values + m);
  }
  const uint32_t root1 = MF_PAIR(MF_FFT_ROOT, -MF_FFT_ROOT);
  const uint32_t root3 = MF_PAIR(-MF_FFT_ROOT, -MF_FFT_ROOT);
#pragma GCC unroll 1
  for (int32_t k = 0; k < 4; k++, values += 8, y += line) {
    uint32_t even[4];
    for (int32_t i = 0; i < 4; i++) { /* registers are few: odd ones wait in memory */
      const uint32_t low = values[i], high = values[i + 4];
      even[i] = mf_pair_add(low, high);
      values[i + 4] = mf_pair_sub(low, high);
    }
    mf_fft_four_dsp(
        even[0], even[1], even[2], even[3], MF_FFT_GIVEN_BACK * 0x10001u, levels, y,
        y + 16 * line, 8 * line);
    mf_fft_four_dsp(
        values[4], mf_pair_times15(values[5], root1), mf_pair_sub_j(0, values[6]),
        mf_pair_times15(values[7], root3), 0, levels, y + 4 * line, y + 20 * line, 8 * line);
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
