/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax over rows, probabilities from a table, equations (3a), (11). x and y may be the same.
 *
 * A distance of two int8 is at most 255, so the table is first put in order of distances, largest
 * first: with the row's maximum at its end, a value is its own index. */
#ifndef MF_SOFTMAX_S8_LUT_DSP_H
#define MF_SOFTMAX_S8_LUT_DSP_H

#include "mf_max_dsp.h"

static inline void mf_softmax_s8_lut_dsp(
    const int8_t *x,               /* [rows, n] */
    const uint8_t *restrict lut,   /* [256] */
    int8_t *y,                     /* [rows, n] */
    int32_t rows, int32_t n, int32_t score_mult, int32_t score_shift, void *scratch /* none */) {
  (void)scratch;
  const mf_lut_t table = mf_lut(lut, score_mult, score_shift);
  uint8_t backwards[256]; /* so that a value itself is the index, and not its negative */
  for (int32_t d = 0; d < 256; d++) {
    backwards[255 - d] = (uint8_t)mf_lut_probability(&table, d);
  }
  for (int32_t row = 0; row < rows; row++, x += n, y += n) {
    const uint8_t *from = backwards + 255 - mf_row_max_dsp(x, n);
    uint32_t denom = 0;
    int32_t i = 0;
    for (; i + 4 <= n; i += 4) { /* loads in a row overlap */
      const int32_t a = x[i], b = x[i + 1], c = x[i + 2], d = x[i + 3];
      const uint32_t p = from[a], q = from[b], r = from[c], s = from[d];
      denom += p + q + r + s;
    }
    for (; i < n; i++) {
      denom += from[x[i]];
    }
    const uint32_t reciprocal = (1u << 24) / denom;
    /* (11) less its 128: the offset goes into the rounding, so that one SSAT ends it */
    const int32_t offset = (1 << 15) - (128 << 16);
    for (i = 0; i + 4 <= n; i += 4) {
      const int32_t a = x[i], b = x[i + 1], c = x[i + 2], d = x[i + 3];
      const int32_t p = from[a], q = from[b], r = from[c], s = from[d];
      y[i] = (int8_t)mf_clamp_s8((p * (int32_t)reciprocal + offset) >> 16);
      y[i + 1] = (int8_t)mf_clamp_s8((q * (int32_t)reciprocal + offset) >> 16);
      y[i + 2] = (int8_t)mf_clamp_s8((r * (int32_t)reciprocal + offset) >> 16);
      y[i + 3] = (int8_t)mf_clamp_s8((s * (int32_t)reciprocal + offset) >> 16);
    }
    for (; i < n; i++) {
      y[i] = (int8_t)mf_clamp_s8((from[x[i]] * (int32_t)reciprocal + offset) >> 16);
    }
  }
}

#endif
