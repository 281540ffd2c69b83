/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products of two activations, two rows by four columns at a time, equations (1m), (2w). */
#ifndef MF_MATMUL_S8_DSP_2X4_H
#define MF_MATMUL_S8_DSP_2X4_H

#include "mf_matmul_dsp.h"
#include "mf_scaled.h"

static inline void mf_matmul_s8_dsp_2x4(
    const int8_t *a,     /* [batch, rows, k] */
    const int8_t *b,     /* [batch, k, n], or [batch, n, k] if transposed */
    int8_t *restrict y,  /* [batch, rows, n] */
    int32_t batch, int32_t rows, int32_t k, int32_t n, int32_t transposed, int32_t zero_a,
    int32_t zero_b, int32_t mult, int32_t shift, int32_t zero,
    void *restrict scratch /* uint32 [words (4 + block)], words = 2 ceil(k / 4) */) {
  const int32_t words = ((k + 3) & ~3) >> 1, total = batch * rows;
  const int32_t block = mf_matrix_block(rows, k, MF_SMALL_BLOCK_BYTES);
  const uint32_t minus = mf_minus_twice(zero_a);
  const mf_high_t high = mf_high(shift, zero);
  uint32_t *panel = (uint32_t *)scratch;
  uint32_t *pairs = panel + 4 * words;
  for (int32_t first = 0, matrix = 0; matrix * rows < total;) {
    const int32_t count = rows - first < block ? rows - first : block;
    const int8_t *const rows_of_a = a + (matrix * rows + first) * k;
    for (int32_t row = 0; row < count; row += 2) { /* an odd last row is taken twice */
      const int8_t *from = rows_of_a + row * k;
      mf_spread_less_2(from, row + 1 < count ? from + k : from, pairs + row * words, k, minus);
    }
    for (int32_t column = 0; column < n; column += 4) {
      const int32_t width = mf_tile_width(n, column);
      const int8_t *const of = b + matrix * k * n;
      if (transposed) {
        mf_panel_of_rows(of + column * k, panel, k, width, zero_b);
      } else {
        mf_panel_of_columns(of + column, panel, k, n, width, zero_b);
      }
      const uint32_t *from = pairs;
      int8_t *to = y + (matrix * rows + first) * n + column;
      for (int32_t left = count; left > 0; left -= 2, to += 2 * n) {
        int32_t sums[8];
        from = mf_dot_2x4(from, panel, words, 0, sums);
        if (high.right > 0) {
          for (int32_t i = 0; i < 8; i++) {
            sums[i] = mf_scaled_high(&high, sums[i], mult);
          }
        } else {
#pragma GCC unroll 1
          for (int32_t i = 0; i < 8; i++) {
            sums[i] = mf_requantize_wide(sums[i], mult, 0, shift, zero);
          }
        }
        mf_store_2x4(to, n, mf_tile_whole(count, left) ? 2 : 1, width, sums);
      }
    }
    first += count;
    if (first == rows) {
      first = 0, matrix++;
    }
  }
}

#endif
