/* SPDX-License-Identifier: Apache-2.0 */
/* Operands of a product of two activations as pairs of int16 less their zero points, (1m).
 *
 * A byte less a zero point has nine bits, so pairs hold it; the addition is part of the instruction
 * that spreads (SXTAB16). Where k ends within four, the rows of b there are its zero point: 0. */
#ifndef MF_MATMUL_DSP_H
#define MF_MATMUL_DSP_H

#include "mf_matrix_dsp.h"

/* -zero twice. */
MF_INLINE uint32_t mf_minus_twice(int32_t zero) {
  return ((uint32_t)-zero & 65535u) * 65537u;
}

/* Two rows of a, side by side as of mf_spread_2; what is beyond k is anything. */
MF_INLINE void mf_spread_less_2(
    const int8_t *a, const int8_t *b, uint32_t *to, int32_t k, uint32_t minus) {
#pragma GCC unroll 2
  for (; k > 0; k -= 4, a += 4, b += 4, to += 4) {
    const uint32_t first = k >= 4 ? mf_load4(a) : mf_load_tail(a, k);
    const uint32_t second = k >= 4 ? mf_load4(b) : mf_load_tail(b, k);
    to[0] = mf_pair_even_add(minus, first), to[1] = mf_pair_even_add(minus, second);
    to[2] = mf_pair_even_add(minus, first >> 8 | first << 24);
    to[3] = mf_pair_even_add(minus, second >> 8 | second << 24);
  }
}

/* Four bytes of which `count` are there, the others `zero`. */
MF_INLINE uint32_t mf_load_filled(const int8_t *from, int32_t count, int32_t zero) {
  if (count >= 4) {
    return mf_load4(from);
  }
  const uint32_t filled = ((uint32_t)zero & 255u) * 0x01010101u;
  return count <= 0 ? filled : mf_load_tail(from, count) | filled << (8 * count);
}

/* Four columns of b [n, k], of which `width` are there, to a panel as of mf_spread_4. */
MF_INLINE void mf_panel_of_rows(
    const int8_t *b, uint32_t *to, int32_t k, int32_t width, int32_t zero) {
  const uint32_t minus = mf_minus_twice(zero);
  const int8_t *column[4];
  for (int32_t j = 0; j < 4; j++) {
    column[j] = b + (j < width ? j : 0) * k;
  }
#pragma GCC unroll 1
  for (int32_t i = 0; i < k; i += 4, to += 8) {
#pragma GCC unroll 4
    for (int32_t j = 0; j < 4; j++) {
      const uint32_t word = mf_load_filled(column[j] + i, k - i, zero);
      to[j] = mf_pair_even_add(minus, word);
      to[4 + j] = mf_pair_even_add(minus, word >> 8 | word << 24);
    }
  }
}

/* The same of b [k, n]: rows 0 and 2 of four make the first pair, 1 and 3 the second. */
MF_INLINE void mf_panel_of_columns(
    const int8_t *b, uint32_t *to, int32_t k, int32_t n, int32_t width, int32_t zero) {
  const uint32_t minus = mf_minus_twice(zero);
#pragma GCC unroll 1
  for (int32_t i = 0; i < k; i += 4, b += 4 * n, to += 8) {
#pragma GCC unroll 2
    for (int32_t odd = 0; odd < 2; odd++) {
      const int32_t first = i + odd < k ? width : 0, second = i + odd + 2 < k ? width : 0;
      const uint32_t low = mf_load_filled(b + odd * n, first, zero);
      const uint32_t high = mf_load_filled(b + (odd + 2) * n, second, zero);
      const uint32_t low02 = mf_pair_even_add(minus, low);
      const uint32_t low13 = mf_pair_even_add(minus, low >> 8 | low << 24);
      const uint32_t high02 = mf_pair_even_add(minus, high);
      const uint32_t high13 = mf_pair_even_add(minus, high >> 8 | high << 24);
      uint32_t *const pair = to + 4 * odd;
      pair[0] = mf_pack((int32_t)low02, (int32_t)high02), pair[1] = mf_pack((int32_t)low13, (int32_t)high13);
      pair[2] = mf_pack_tops(low02, high02), pair[3] = mf_pack_tops(low13, high13);
    }
  }
}

#endif
