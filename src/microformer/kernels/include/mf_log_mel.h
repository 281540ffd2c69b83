/* SPDX-License-Identifier: Apache-2.0 */
/* What all kernels of equation (18) share: windows brought to 14 bits, order, bands, logarithms. */
#ifndef MF_LOG_MEL_H
#define MF_LOG_MEL_H

#include "mf_core.h"

enum { MF_SOUND_LEAF = 32, MF_SOUND_TOP_BITS = 13, MF_LOG_BITS = 8, MF_CEPSTRUM_BITS = 12 };

/* (18a): a sample under the window. */
MF_INLINE int32_t mf_windowed(int32_t x, int32_t window) {
  return (x * window + 16384) >> 15;
}

/* (18b): g of all that the windowed samples reach, the union of y ^ (y >> 31). */
MF_INLINE int32_t mf_sound_shift(int32_t reached) {
  return MF_SOUND_TOP_BITS - mf_bit_length((uint32_t)reached);
}

MF_INLINE int32_t mf_sound_shifted(int32_t y, int32_t g) {
  return g < 0 ? y >> -g : (int32_t)((uint32_t)y << g);
}

/* Which of `parts` interleaved parts stands at `place`: its bits the other way round. */
MF_INLINE int32_t mf_part_at(int32_t place, int32_t parts) {
  int32_t part = 0;
  for (int32_t bit = 1; bit < parts; bit <<= 1) {
    part = 2 * part + (place / bit & 1);
  }
  return part;
}

/* (18f): the power in a band of `count` bins, 1 at least. */
MF_INLINE uint64_t mf_band_power(const uint32_t *power, const int16_t *weights, int32_t count) {
  uint64_t sum = 0;
  for (int32_t i = 0; i < count; i++) {
    sum += (uint64_t)power[i] * (uint16_t)weights[i];
  }
  return sum == 0 ? 1 : sum;
}

/* (18g): its logarithm, in units of 1/256, less twice g; `floor` at least. */
MF_INLINE int32_t mf_log_band(uint64_t sum, const int16_t *logarithms, int32_t g, int32_t floor) {
  const uint32_t high = (uint32_t)(sum >> 32);
  const int32_t e = (high != 0 ? 32 + mf_bit_length(high) : mf_bit_length((uint32_t)sum)) - 1;
  const uint64_t leading = e >= MF_LOG_BITS ? sum >> (e - MF_LOG_BITS) : sum << (MF_LOG_BITS - e);
  const int32_t value = (e - 2 * g) * 256 + logarithms[leading & 255u];
  return value < floor ? floor : value;
}

/* (18h): the logarithms' cosine transform, one coefficient of it. */
MF_INLINE int32_t mf_cepstrum(const int16_t *logs, const int16_t *cosines, int32_t mels) {
  int32_t sum = 0;
  for (int32_t i = 0; i < mels; i++) {
    sum += logs[i] * cosines[i];
  }
  return sum >> MF_CEPSTRUM_BITS;
}

/* What becomes of the bins' powers on one core: (18f) to (18i). */
typedef struct {
  const int16_t *bands; /* [mels, 2]: first bin, bins */
  const int16_t *weights;
  const int16_t *logarithms; /* [256] */
  const int16_t *cosines;    /* [outputs, mels], or NULL */
  int32_t mels;
  int32_t outputs;
  int32_t floor;
  int32_t mult;
  int32_t add;
  int32_t shift;
} mf_sound_bands_t;

/* `logs` is working memory, [mels]. */
MF_INLINE void mf_sound_rows(
    const uint32_t *power, const mf_sound_bands_t *of, int32_t g, int16_t *logs, int8_t *y) {
  const int16_t *weights = of->weights;
  for (int32_t band = 0; band < of->mels; band++) {
    const int32_t count = of->bands[2 * band + 1];
    const uint64_t sum = mf_band_power(power + of->bands[2 * band], weights, count);
    weights += count;
    logs[band] = (int16_t)mf_log_band(sum, of->logarithms, g, of->floor);
  }
  for (int32_t i = 0; i < of->outputs; i++) {
    const int32_t value = of->cosines == NULL
                              ? logs[i]
                              : mf_cepstrum(logs, of->cosines + i * of->mels, of->mels);
    y[i] = mf_requantize(value, of->mult, of->add, of->shift);
  }
}

#endif
