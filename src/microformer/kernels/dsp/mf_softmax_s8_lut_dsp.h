/* Softmax over rows, probabilities from a table, equations (3a), (11). x and y may be the same.
 *
 * A distance of two int8 is at most 255, so the table is first put in order of distances. */
#ifndef MF_SOFTMAX_S8_LUT_DSP_H
#define MF_SOFTMAX_S8_LUT_DSP_H

#include "mf_dsp.h"
#include "mf_softmax.h"

static inline void mf_softmax_s8_lut_dsp(
    const int8_t *x,               /* [rows, n] */
    const uint8_t *restrict lut,   /* [256] */
    int8_t *y,                     /* [rows, n] */
    int32_t rows, int32_t n, int32_t score_mult, int32_t score_shift) {
  const mf_lut_t table = mf_lut(lut, score_mult, score_shift);
  uint8_t by_distance[256];
  for (int32_t d = 0; d < 256; d++) {
    by_distance[d] = (uint8_t)mf_lut_probability(&table, d);
  }
  for (int32_t row = 0; row < rows; row++, x += n, y += n) {
    const uint8_t *from = by_distance + mf_row_max(x, n);
    uint32_t denom = 0;
    for (int32_t i = 0; i < n; i++) {
      denom += from[-x[i]];
    }
    const uint32_t reciprocal = (1u << 24) / denom;
    for (int32_t i = 0; i < n; i++) {
      const uint32_t level = (from[-x[i]] * reciprocal + (1u << 15)) >> 16;
      y[i] = (int8_t)(mf_clamp_u8((int32_t)level) - 128);
    }
  }
}

#endif
