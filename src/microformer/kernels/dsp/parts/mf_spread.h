/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of int8 spread to pairs of int16, as a product of pairs reads them. */
#ifndef MF_SPREAD_H
#define MF_SPREAD_H

#include "mf_dsp.h"

/* The k < 4 bytes at the end of a row, zeros behind them. */
static inline uint32_t mf_load_tail(const int8_t *from, int32_t k) {
  uint32_t word = 0;
#pragma GCC unroll 1
  for (int32_t i = 0; i < k; i++) {
    word |= (uint32_t)(uint8_t)from[i] << (8 * i);
  }
  return word;
}

/* The last four of k >= 4 bytes, zeros in place of those that whole words have already. */
static inline uint32_t mf_load_last(const int8_t *from, int32_t k) {
  return mf_load4(from + k - 4) & 0xffffffffu << (8 * (-k & 3));
}

/* Spreads a row of k bytes to pairs of int16, bytes (0, 2), (1, 3), (4, 6) and so on: to holds
 * [ceil(k / 4) * 2] words. Where k >= 4 is no multiple of four the last two are of the last four
 * bytes, so that a column's are read by one load as well. */
MF_INLINE void mf_spread_row(const int8_t *x, uint32_t *to, int32_t k) {
  int32_t i = 0;
  for (; i + 4 <= k; i += 4) {
    const uint32_t word = mf_load4(x + i);
    to[i >> 1] = mf_pair_even(word);
    to[(i >> 1) + 1] = mf_pair_odd(word);
  }
  if (i < k) {
    const uint32_t word = k < 4 ? mf_load_tail(x, k) : mf_load_last(x, k);
    to[i >> 1] = mf_pair_even(word);
    to[(i >> 1) + 1] = mf_pair_odd(word);
  }
}

/* Spreads two rows of k bytes to pairs of int16, bytes (0, 2), (1, 3), (4, 6), (5, 7) and so on:
 * both operands of a product are spread alike, so the order within four bytes does not matter.
 * The rows' pairs lie side by side, a tail is filled with zeros: to holds [ceil(k / 4) * 2, 2] words. */
MF_INLINE void mf_spread_2(const int8_t *a, const int8_t *b, uint32_t *to, int32_t k) {
#pragma GCC unroll 2
  for (; k >= 4; k -= 4, a += 4, b += 4, to += 4) {
    const uint32_t first = mf_load4(a), second = mf_load4(b);
    to[0] = mf_pair_even(first), to[1] = mf_pair_even(second);
    to[2] = mf_pair_odd(first), to[3] = mf_pair_odd(second);
  }
  if (k > 0) {
    const uint32_t first = mf_load_tail(a, k), second = mf_load_tail(b, k);
    to[0] = mf_pair_even(first), to[1] = mf_pair_even(second);
    to[2] = mf_pair_odd(first), to[3] = mf_pair_odd(second);
  }
}

/* The same for four columns: to holds [ceil(k / 4) * 2, 4] words. */
MF_INLINE void mf_spread_4(const int8_t *const from[4], uint32_t *to, int32_t k) {
  const int8_t *a = from[0], *b = from[1], *c = from[2], *d = from[3];
#pragma GCC unroll 1
  for (; k >= 4; k -= 4, a += 4, b += 4, c += 4, d += 4, to += 8) {
    const uint32_t w0 = mf_load4(a), w1 = mf_load4(b), w2 = mf_load4(c), w3 = mf_load4(d);
    to[0] = mf_pair_even(w0), to[1] = mf_pair_even(w1);
    to[2] = mf_pair_even(w2), to[3] = mf_pair_even(w3);
    to[4] = mf_pair_odd(w0), to[5] = mf_pair_odd(w1);
    to[6] = mf_pair_odd(w2), to[7] = mf_pair_odd(w3);
  }
  if (k > 0) {
    const uint32_t w0 = mf_load_tail(a, k), w1 = mf_load_tail(b, k);
    const uint32_t w2 = mf_load_tail(c, k), w3 = mf_load_tail(d, k);
    to[0] = mf_pair_even(w0), to[1] = mf_pair_even(w1);
    to[2] = mf_pair_even(w2), to[3] = mf_pair_even(w3);
    to[4] = mf_pair_odd(w0), to[5] = mf_pair_odd(w1);
    to[6] = mf_pair_odd(w2), to[7] = mf_pair_odd(w3);
  }
}

#endif
