/* SPDX-License-Identifier: Apache-2.0 */
/* Range-Doppler map of a window: FFTs of 32 sweeps, magnitudes, levels; equation (13). */
#ifndef MF_RANGE_DOPPLER_S16_REF_H
#define MF_RANGE_DOPPLER_S16_REF_H

#include "mf_complex_ref.h"

static inline void mf_range_doppler_s16_ref(
    const int16_t *restrict x,    /* [sensors, 32, points, 2] */
    const int8_t *restrict table, /* [3072]: the level of each power */
    int8_t *restrict y,           /* [32, ceil(points / step), sensors], zero Doppler in row 16 */
    int32_t sensors, int32_t points, int32_t step, int32_t preshift, void *scratch) {
  const int32_t columns = (points + step - 1) / step;
  mf_complex_t *const values = (mf_complex_t *)scratch, *const bins = values + 32;
  for (int32_t cell = 0; cell < sensors * columns; cell++) {
    const int32_t sensor = cell % sensors, column = cell / sensors;
    const int16_t *const from = x + 2 * (sensor * 32 * points + column * step);
    for (int32_t m = 0; m < 8; m++) {
      mf_complex_t four[4];
      for (int32_t n = 0; n < 4; n++) {
        const int16_t *const at = from + 2 * points * (m + 8 * n);
        four[n].re = at[0] >> preshift;
        four[n].im = at[1] >> preshift;
      }
      mf_fft_row_ref(four, m, values + m);
    }
    for (int32_t k = 0; k < 4; k++) {
      mf_fft_column_ref(values + 8 * k, bins + k);
    }
    for (int32_t bin = 0; bin < 32; bin++) {
      const int32_t power = bins[bin].re * bins[bin].re + bins[bin].im * bins[bin].im;
      y[(bin ^ 16) * sensors * columns + cell] =
          table[mf_power_index((uint32_t)(power + MF_POWER_OFFSET))];
    }
  }
}

#endif
