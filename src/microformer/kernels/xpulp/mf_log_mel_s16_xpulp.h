/* SPDX-License-Identifier: Apache-2.0 */
/* Logarithms of power in bands of a window of sound on a cluster; equation (18).
 *
 * Each step is shared by all cores: the samples, the transforms of 32, what joins them, the bins, the
 * bands, the outputs. */
#ifndef MF_LOG_MEL_S16_XPULP_H
#define MF_LOG_MEL_S16_XPULP_H

#include "mf_fft32_xpulp.h"
#include "mf_log_mel.h"

/* Where a call's values lie in its working memory, in L1. */
typedef struct {
  int32_t *z;       /* [fft / 2] pairs of samples */
  int32_t *bins;    /* [fft / 2] pairs, then powers */
  int32_t *reached; /* [MF_CORES] */
  int32_t *own;     /* this core's values and twiddles */
  int16_t *logs;    /* [mels] */
} mf_sound_t;

/* This core's part of (18a), (18b): samples under the window, at 14 bits; g. */
MF_INLINE int32_t mf_sound_pairs_xpulp(
    const mf_sound_t *at, const int16_t *x, const int16_t *window, int32_t points) {
  const mf_share_t mine = mf_share(points);
  int32_t reached = 0;
  for (int32_t i = mine.begin; i < mine.end; i++) {
    const int32_t re = mf_windowed(x[2 * i], window[2 * i]);
    const int32_t im = mf_windowed(x[2 * i + 1], window[2 * i + 1]);
    at->z[i] = mf_pair2(re, im);
    reached |= (re ^ (re >> 31)) | (im ^ (im >> 31));
  }
  at->reached[mf_core()] = reached;
  mf_barrier();
  reached = 0;
  for (int32_t core = 0; core < MF_CORES; core++) {
    reached |= at->reached[core];
  }
  const int32_t g = mf_sound_shift(reached);
  for (int32_t i = mine.begin; i < mine.end; i++) {
    const int32_t re = mf_sound_shifted((int16_t)((uint32_t)at->z[i] & 65535u), g);
    at->z[i] = mf_pair2(re, mf_sound_shifted(at->z[i] >> 16, g));
  }
  mf_barrier();
  return g;
}

/* This core's transforms of 32 pairs, (18c). */
MF_INLINE void mf_sound_leaves_xpulp(const mf_sound_t *at, int32_t parts) {
  for (int32_t place = mf_core(); place < parts; place += MF_CORES) {
    int32_t *own = at->own, *bins = at->bins + place * MF_SOUND_LEAF;
    mf_fft_rows_xpulp(at->z + mf_part_at(place, parts), 4 * parts, 0, own);
#pragma GCC unroll 1
    for (int32_t k = 0; k < 4; k++, own += 8, bins++) {
      const int32_t y[8] = {own[0], own[1], own[2], own[3], own[4], own[5], own[6], own[7]};
      int32_t four[4];
      mf_fft_even_xpulp(y, four);
      bins[0] = four[0], bins[8] = four[1], bins[16] = four[2], bins[24] = four[3];
      mf_fft_odd_xpulp(y, four);
      bins[4] = four[0], bins[12] = four[1], bins[20] = four[2], bins[28] = four[3];
    }
  }
  mf_barrier();
}

/* This core's part of (18d): pairs of transforms of `size` bins to one of twice as many. */
MF_INLINE void mf_sound_join_xpulp(
    int32_t *bins, int32_t points, int32_t size, const int16_t *twiddles) {
  const mf_share_t mine = mf_share(points / 2);
  const int32_t step = points / size;
  for (int32_t i = mine.begin; i < mine.end; i++) {
    const int32_t k = i & (size - 1);
    int32_t *const even = bins + 2 * i - k, *const odd = even + size;
    const int16_t *const w = twiddles + 2 * k * step;
    const int32_t turned = mf_times15(*odd, mf_pair2(w[0], w[1]));
    const int32_t half = mf_half_add2(*even, 0);
    *even = mf_add2(half, turned);
    *odd = mf_sub2(half, turned);
  }
  mf_barrier();
}

/* This core's part of (18e): the power of the bins k and points - k, in place of the bins. */
MF_INLINE void mf_sound_power_xpulp(int32_t *bins, int32_t points, const int16_t *twiddles) {
  const mf_share_t mine = mf_share(points / 2);
  if (mine.begin == 0) {
    bins[0] = 0;
  }
  for (int32_t k = mine.begin + 1; k <= mine.end; k++) {
    const int32_t near = bins[k], far = bins[points - k];
    const int32_t sum = mf_half_add2(near, far), gap = mf_half_sub2(near, far);
    const int32_t a = mf_pair2(sum, gap >> 16), b = mf_pair2(gap, sum >> 16);
    const int16_t *const w = twiddles + 2 * k;
    const int32_t u = mf_half_add2(a, 0);
    const int32_t t = mf_turned_sub2(mf_times15(b, mf_pair2(w[0], w[1])), 0);
    const int32_t high = mf_sub2(u, t), low = mf_add2(u, t);
    bins[points - k] = mf_sdot2(0, high, high);
    bins[k] = mf_sdot2(0, low, low);
  }
  mf_barrier();
}

static inline void mf_log_mel_s16_xpulp(
    const int16_t *restrict x,          /* [fft], in L1 or L2, as all that follow */
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
  int32_t *const z = (int32_t *)scratch, *const bins = z + points, *const reached = bins + points;
  int32_t *const all = reached + MF_CORES;
  int16_t *const logs = (int16_t *)(void *)(all + MF_CORES * MF_FFT_WORDS);
  const mf_sound_t at = {z, bins, reached, all + mf_core() * MF_FFT_WORDS, logs};
  mf_fft_own_xpulp(at.own);
  const int32_t g = mf_sound_pairs_xpulp(&at, x, window, points);
  mf_sound_leaves_xpulp(&at, parts);
  for (int32_t size = MF_SOUND_LEAF; size < points; size *= 2) {
    mf_sound_join_xpulp(bins, points, size, twiddles);
  }
  mf_sound_power_xpulp(bins, points, twiddles);
  for (int32_t band = 0, turn = 0; band < mels; band++) {
    const int32_t count = bands[2 * band + 1];
    if (turn == mf_core()) {
      const uint32_t *const power = (const uint32_t *)(const void *)bins + bands[2 * band];
      logs[band] = (int16_t)mf_log_band(mf_band_power(power, weights, count), logarithms, g, floor);
    }
    weights += count;
    turn = turn + 1 < MF_CORES ? turn + 1 : 0;
  }
  mf_barrier();
  for (int32_t i = mf_core(); i < outputs; i += MF_CORES) {
    const int32_t value = cosines == NULL ? logs[i] : mf_cepstrum(logs, cosines + i * mels, mels);
    y[i] = mf_requantize(value, mult, add, shift);
  }
}

#endif
