/* SPDX-License-Identifier: Apache-2.0 */
/* Logarithms of power in bands of a window of sound, or their cosine transform; equation (18). */
#ifndef MF_LOG_MEL_S16_REF_H
#define MF_LOG_MEL_S16_REF_H

#include "mf_complex_ref.h"
#include "mf_log_mel.h"

/* (18c): 32 of the values z[points], `parts` apart, to their bins; `values` is 32 more. */
static inline void mf_sound_leaf_ref(
    const mf_complex_t *z, int32_t parts, mf_complex_t *values, mf_complex_t *bins) {
  for (int32_t m = 0; m < 8; m++) {
    const mf_complex_t four[4] = {
        z[m * parts], z[(m + 8) * parts], z[(m + 16) * parts], z[(m + 24) * parts]};
    mf_fft_row_ref(four, m, values + m);
  }
  for (int32_t k = 0; k < 4; k++) {
    mf_fft_column_ref(values + 8 * k, bins + k);
  }
}

static inline void mf_log_mel_s16_ref(
    const int16_t *restrict x,          /* [fft] */
    const int16_t *restrict window,     /* [fft] */
    const int16_t *restrict twiddles,   /* [fft / 2, 2] */
    const int16_t *restrict bands,      /* [mels, 2]: first bin, bins */
    const int16_t *restrict weights,    /* of all bands in a row */
    const int16_t *restrict logarithms, /* [256] */
    const int16_t *restrict cosines,    /* [outputs, mels], or NULL */
    int8_t *restrict y,                 /* [outputs] */
    int32_t fft, int32_t mels, int32_t outputs, int32_t floor, int32_t mult, int32_t add,
    int32_t shift, void *scratch) {
  const int32_t points = fft / 2, parts = points / MF_SOUND_LEAF;
  mf_complex_t *const z = (mf_complex_t *)scratch, *const bins = z + points;
  mf_complex_t *const values = bins + points;
  uint32_t *const power = (uint32_t *)(void *)z;           /* when z is done with */
  int16_t *const logs = (int16_t *)(void *)(values + MF_SOUND_LEAF);
  int32_t reached = 0;
  for (int32_t i = 0; i < fft; i++) {
    const int32_t value = mf_windowed(x[i], window[i]);
    reached |= value ^ (value >> 31);
  }
  const int32_t g = mf_sound_shift(reached);
  for (int32_t i = 0; i < points; i++) {
    z[i].re = mf_sound_shifted(mf_windowed(x[2 * i], window[2 * i]), g);
    z[i].im = mf_sound_shifted(mf_windowed(x[2 * i + 1], window[2 * i + 1]), g);
  }
  for (int32_t place = 0; place < parts; place++) {
    mf_sound_leaf_ref(z + mf_part_at(place, parts), parts, values, bins + place * MF_SOUND_LEAF);
  }
  for (int32_t size = MF_SOUND_LEAF; size < points; size *= 2) { /* (18d) */
    for (int32_t at = 0; at < points; at += 2 * size) {
      for (int32_t k = 0; k < size; k++) {
        const int16_t *const w = twiddles + 2 * (k * (points / size));
        mf_complex_t *const even = bins + at + k, *const odd = even + size;
        const mf_complex_t turned = mf_complex_times(*odd, w[0], w[1], 15);
        const mf_complex_t half = mf_complex_shifted(*even, 1);
        *even = mf_complex_sum(half, turned, 1);
        *odd = mf_complex_sum(half, turned, -1);
      }
    }
  }
  power[0] = 0;
  for (int32_t k = 1; k <= points / 2; k++) { /* (18e) */
    const mf_complex_t from = bins[points - k], far = {from.re, -from.im};
    const mf_complex_t a = mf_complex_shifted(mf_complex_sum(bins[k], far, 1), 1);
    const mf_complex_t b = mf_complex_shifted(mf_complex_sum(bins[k], far, -1), 1);
    const mf_complex_t u = mf_complex_shifted(a, 1);
    const mf_complex_t t =
        mf_complex_turned(mf_complex_times(b, twiddles[2 * k], twiddles[2 * k + 1], 15));
    const mf_complex_t high = mf_complex_sum(u, t, -1), low = mf_complex_sum(u, t, 1);
    power[points - k] = (uint32_t)(high.re * high.re + high.im * high.im);
    power[k] = (uint32_t)(low.re * low.re + low.im * low.im);
  }
  const mf_sound_bands_t of = {
      bands, weights, logarithms, cosines, mels, outputs, floor, mult, add, shift};
  mf_sound_rows(power, &of, g, logs, y);
}

#endif
