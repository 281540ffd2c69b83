/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix product with an int16 result on pairs of int16, two rows by four columns, equations (1), (2).
 *
 * As mf_linear_s8_dsp_2x4, but for what becomes of the sums. */
#ifndef MF_LINEAR_S8_S16_DSP_2X4_H
#define MF_LINEAR_S8_S16_DSP_2X4_H

#include "mf_matrix_dsp.h"

static inline void mf_linear_s8_s16_dsp_2x4(
    const int8_t *restrict x,      /* [rows, k] */
    const int8_t *restrict weight, /* [n, k] */
    const int32_t *restrict mult,  /* [n] */
    const int32_t *restrict add,   /* [n] */
    const int8_t *restrict lut,    /* none */
    int16_t *restrict y,           /* [rows, n] */
    int32_t rows, int32_t k, int32_t n, int32_t shift,
    void *restrict scratch /* uint32 [words (4 + block) + 8], words = 2 ceil(k / 4) */) {
  const int32_t words = ((k + 3) & ~3) >> 1;
  const int32_t block = mf_matrix_block(rows, k, MF_BLOCK_BYTES);
  uint32_t *panel = (uint32_t *)scratch;
  uint32_t *pairs = panel + 4 * words + MF_PANEL_TAIL;
  (void)lut;
  for (int32_t first = 0; first < rows; first += block) {
    const int32_t count = rows - first < block ? rows - first : block;
    mf_spread_pairs(x + first * k, pairs, count, k);
    for (int32_t column = 0; column < n; column += 4) {
      const int32_t width = mf_tile_width(n, column);
      mf_fill_panel(panel, weight, mult, add, column, k, n, k);
      const uint32_t *from = pairs;
      int16_t *to = y + first * n + column;
      for (int32_t left = count; left > 0; left -= 2, to += 2 * n) {
        int32_t sums[8];
        from = mf_dot_2x4(from, panel, words, 1, sums);
        for (int32_t j = 0; j < width; j++) {
          to[j] = mf_clamp16(sums[j] >> shift);
          if (left > 1) {
            to[n + j] = mf_clamp16(sums[4 + j] >> shift);
          }
        }
      }
    }
  }
}

#endif
