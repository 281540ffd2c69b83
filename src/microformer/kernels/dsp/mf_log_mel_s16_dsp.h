/* SPDX-License-Identifier: Apache-2.0 */
/* Logarithms of power in bands of a window of sound by pairs of int16; equation (18). */
#ifndef MF_LOG_MEL_S16_DSP_H
#define MF_LOG_MEL_S16_DSP_H

#include "mf_fft32_dsp.h"
#include "mf_log_mel.h"

/* A pair of samples or of a twiddle, at any even address. */
MF_INLINE uint32_t mf_pair_at(const int16_t *from) {
  return mf_load4((const int8_t *)(const void *)from);
}

MF_INLINE void mf_put_pair(int16_t *to, uint32_t pair) {
  mf_store4((int8_t *)(void *)to, pair);
}

/* (18a), (18b): samples under the window, at 14 bits, as pairs in z; g. */
MF_INLINE int32_t mf_sound_pairs_dsp(
    const int16_t *x, const int16_t *window, int16_t *z, int32_t fft) {
  int32_t reached = 0;
  for (int32_t i = 0; i < fft; i++) {
    const int32_t value = mf_windowed(x[i], window[i]);
    z[i] = (int16_t)value;
    reached |= value ^ (value >> 31);
  }
  const int32_t g = mf_sound_shift(reached);
  if (g > 0) { /* no bit leaves its half but copies of the sign */
    for (int32_t i = 0; i < fft; i += 2) {
      const uint32_t pair = mf_pair_at(z + i);
      mf_put_pair(z + i, (pair << g & 65535u) | (pair >> 16 << (16 + g)));
    }
  } else if (g < 0) {
    for (int32_t i = 0; i < fft; i++) {
      z[i] = (int16_t)(z[i] >> -g);
    }
  }
  return g;
}

/* (18c): the transform of 32 pairs `parts` pairs apart. */
MF_INLINE void mf_sound_leaf_dsp(
    const int16_t *z, int32_t parts, uint32_t *values, uint32_t *bins) {
  mf_fft_rows_dsp(z, 2 * parts, 0, values);
#pragma GCC unroll 1
  for (int32_t k = 0; k < 4; k++, values += 8, bins++) {
    uint32_t four[4];
    mf_fft_even_dsp(values, four);
    bins[0] = four[0], bins[8] = four[1], bins[16] = four[2], bins[24] = four[3];
    mf_fft_odd_dsp(values, four);
    bins[4] = four[0], bins[12] = four[1], bins[20] = four[2], bins[28] = four[3];
  }
}

/* (18d): two transforms of `size` bins that lie in a row to one of twice as many. */
MF_INLINE void mf_sound_join_dsp(
    uint32_t *even, int32_t size, const int16_t *twiddles, int32_t step) {
  uint32_t *const odd = even + size;
  for (int32_t k = 0; k < size; k++, twiddles += 2 * step) {
    const uint32_t turned = mf_pair_times15(odd[k], mf_pair_at(twiddles));
    const uint32_t half = mf_pair_half(even[k]);
    even[k] = mf_pair_add(half, turned);
    odd[k] = mf_pair_sub(half, turned);
  }
}

/* (18e): the power of the bins k and points - k of the real samples, in place of the bins. */
MF_INLINE void mf_sound_power_dsp(uint32_t *bins, int32_t points, const int16_t *twiddles) {
  bins[0] = 0;
  for (int32_t k = 1; k <= points / 2; k++) {
    const uint32_t near = bins[k], far = bins[points - k];
    const uint32_t sum = mf_pair_half_add(near, far), gap = mf_pair_half_sub(near, far);
    const uint32_t a = (sum & 65535u) | (gap & 0xffff0000u);
    const uint32_t b = (gap & 65535u) | (sum & 0xffff0000u);
    const uint32_t u = mf_pair_half(a), t = mf_pair_times15(b, mf_pair_at(twiddles + 2 * k));
    const uint32_t high = mf_pair_add_j(u, t), low = mf_pair_sub_j(u, t);
    bins[points - k] = (uint32_t)mf_dot_pair(high, high, 0);
    bins[k] = (uint32_t)mf_dot_pair(low, low, 0);
  }
}

static inline void mf_log_mel_s16_dsp(
    const int16_t *restrict x,          /* [fft] */
    const int16_t *restrict window,     /* [fft] */
    const int16_t *restrict twiddles,   /* [fft / 2, 2] */
    const int16_t *restrict bands,      /* [mels, 2]: first bin, bins */
    const int16_t *restrict weights,    /* of all bands in a row */
    const int16_t *restrict logarithms, /* [256] */
    const int16_t *restrict cosines,    /* [outputs, mels], or NULL */
    int8_t *restrict y,                 /* [outputs] */
    int32_t fft, int32_t mels, int32_t outputs, int32_t floor, int32_t mult, int32_t add,
    int32_t shift, void *scratch /* fft / 2 bins, a leaf's values, fft samples, logarithms */) {
  const int32_t points = fft / 2, parts = points / MF_SOUND_LEAF;
  uint32_t *const bins = (uint32_t *)scratch, *const values = bins + points;
  int16_t *const z = (int16_t *)(void *)(values + MF_SOUND_LEAF), *const logs = z + fft;
  const int32_t g = mf_sound_pairs_dsp(x, window, z, fft);
#pragma GCC unroll 1
  for (int32_t place = 0; place < parts; place++) {
    mf_sound_leaf_dsp(
        z + 2 * mf_part_at(place, parts), parts, values, bins + place * MF_SOUND_LEAF);
  }
  for (int32_t size = MF_SOUND_LEAF; size < points; size *= 2) {
    for (int32_t at = 0; at < points; at += 2 * size) {
      mf_sound_join_dsp(bins + at, size, twiddles, points / size);
    }
  }
  mf_sound_power_dsp(bins, points, twiddles);
  const mf_sound_bands_t of = {
      bands, weights, logarithms, cosines, mels, outputs, floor, mult, add, shift};
  mf_sound_rows(bins, &of, g, logs, y);
}

#endif
