/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix product of few rows on pairs of int16, one row by two columns, equations (1), (2), (6).
 *
 * Weights are used once or hardly more, so they are spread in the inner loop: per four values of
 * two columns two loads, four SXTB16 and four SMLAD, and two loads of the row, spread before. */
#ifndef MF_LINEAR_S8_DSP_1X2_H
#define MF_LINEAR_S8_DSP_1X2_H

#include "mf_spread.h"

/* Sums of the spread row with columns a and b, k values each. */
MF_INLINE void mf_dot_1x2(
    const uint32_t *row, const int8_t *a, const int8_t *b, int32_t k, int32_t sums[2]) {
  int32_t first = 0, second = 0;
#pragma GCC unroll 2
  for (; k >= 4; k -= 4, a += 4, b += 4, row += 2) {
    const uint32_t even = row[0], odd = row[1];
    const uint32_t wa = mf_load4(a), wb = mf_load4(b);
    first = mf_dot_pair(even, mf_pair_even(wa), first);
    second = mf_dot_pair(even, mf_pair_even(wb), second);
    first = mf_dot_pair(odd, mf_pair_odd(wa), first);
    second = mf_dot_pair(odd, mf_pair_odd(wb), second);
  }
  if (k > 0) {
    const uint32_t wa = mf_load_tail(a, k), wb = mf_load_tail(b, k);
    first = mf_dot_pair(row[1], mf_pair_odd(wa), mf_dot_pair(row[0], mf_pair_even(wa), first));
    second = mf_dot_pair(row[1], mf_pair_odd(wb), mf_dot_pair(row[0], mf_pair_even(wb), second));
  }
  sums[0] = first;
  sums[1] = second;
}

static inline void mf_linear_s8_dsp_1x2(
    const int8_t *restrict x,       /* [rows, k] */
    const int8_t *restrict weight,  /* [n, k] */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [rows, n] */
    int32_t rows, int32_t k, int32_t n, int32_t shift,
    void *restrict scratch /* uint32 [2 ceil(k / 4)] */) {
  uint32_t *spread = (uint32_t *)scratch;
  for (int32_t row = 0; row < rows; row++, x += k, y += n) {
    for (int32_t i = 0; i < k; i += 4) {
      const uint32_t word = k - i < 4 ? mf_load_tail(x + i, k - i) : mf_load4(x + i);
      spread[i >> 1] = mf_pair_even(word);
      spread[(i >> 1) + 1] = mf_pair_odd(word);
    }
    for (int32_t c = 0; c < n; c += 2) { /* an odd last column is taken twice */
      const int8_t *column = weight + c * k;
      int32_t sums[2];
      mf_dot_1x2(spread, column, c + 1 < n ? column + k : column, k, sums);
      y[c] = mf_lookup(lut, mf_requantize(sums[0], mult[c], add[c], shift));
      if (c + 1 < n) {
        y[c + 1] = mf_lookup(lut, mf_requantize(sums[1], mult[c + 1], add[c + 1], shift));
      }
    }
  }
}

#endif
