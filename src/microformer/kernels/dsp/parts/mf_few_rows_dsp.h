/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix product of few rows, requantised: one row by four columns, equations (1), (2) or (2w), (6).
 *
 * Weights are used once or hardly more, so they are spread in the inner loop; the row is spread
 * before. */
#ifndef MF_FEW_ROWS_DSP_H
#define MF_FEW_ROWS_DSP_H

#include "mf_dot_1x4.h"
#include "mf_scaled.h"

MF_INLINE void mf_few_rows(
    const int8_t *restrict x,       /* [rows, k] */
    const int8_t *restrict weight,  /* [n, k] */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [rows, n] */
    int32_t rows, int32_t k, int32_t n, const mf_scale_t *scale,
    uint32_t *restrict spread /* [2 ceil(k / 4)] */) {
  for (int32_t row = 0; row < rows; row++, x += k, y += n) {
    mf_spread_row(x, spread, k);
    int32_t c = 0;
    for (; c + 4 <= n; c += 4) {
      int32_t sums[4];
      mf_dot_1x4(spread, weight + c * k, k, sums);
      for (int32_t j = 0; j < 4; j++) {
        y[c + j] = mf_lookup(lut, (int8_t)mf_scaled(scale, sums[j], mult[c + j], add[c + j]));
      }
    }
    for (; c < n; c += 2) { /* an odd last column is taken twice */
      const int8_t *column = weight + c * k;
      int32_t sums[2];
      mf_dot_1x2(spread, column, c + 1 < n ? column + k : column, k, sums);
      y[c] = mf_lookup(lut, (int8_t)mf_scaled(scale, sums[0], mult[c], add[c]));
      if (c + 1 < n) {
        y[c + 1] = mf_lookup(lut, (int8_t)mf_scaled(scale, sums[1], mult[c + 1], add[c + 1]));
      }
    }
  }
}

#endif
