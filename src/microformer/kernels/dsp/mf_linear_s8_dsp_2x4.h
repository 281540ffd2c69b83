/* Matrix product on pairs of int16, two rows by four columns at a time, equations (1), (2), (6).
 *
 * Both operands are spread to int16 pairs before the inner loop, so that it is nothing but loads
 * and multiply-accumulates: six loads and eight SMLAD for sixteen products. A block of rows is
 * spread once for all columns, a panel of four columns once for all rows of the block. */
#ifndef MF_LINEAR_S8_DSP_2X4_H
#define MF_LINEAR_S8_DSP_2X4_H

#include "mf_matrix_dsp.h"

static inline void mf_linear_s8_dsp_2x4(
    const int8_t *restrict x,       /* [rows, k] */
    const int8_t *restrict weight,  /* [n, k] */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict table,   /* [256] or NULL */
    int8_t *restrict y,             /* [rows, n] */
    int32_t rows, int32_t k, int32_t n, int32_t shift,
    void *restrict scratch /* uint32 [words (4 + block) + 8], words = 2 ceil(k / 4) */) {
  const int32_t words = ((k + 3) & ~3) >> 1;
  const int32_t block = mf_matrix_block(rows, k);
  uint32_t *panel = (uint32_t *)scratch;
  uint32_t *pairs = panel + 4 * words + MF_PANEL_TAIL;
  for (int32_t first = 0; first < rows; first += block) {
    const int32_t count = rows - first < block ? rows - first : block;
    mf_spread_pairs(x + first * k, pairs, count, k);
    mf_matrix_rows(pairs, panel, weight, mult, add, table, y + first * n, count, k, n, shift);
  }
}

#endif
