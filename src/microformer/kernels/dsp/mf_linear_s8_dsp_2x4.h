/* Matrix product on pairs of int16, two rows by four columns at a time, equations (1), (2), (6).
 *
 * Both operands are spread to int16 pairs before the inner loop, so that it is nothing but loads
 * and multiply-accumulates: six loads and eight SMLAD for sixteen products. A block of rows is
 * spread once for all columns, a panel of four columns once for all rows of the block. */
#ifndef MF_LINEAR_S8_DSP_2X4_H
#define MF_LINEAR_S8_DSP_2X4_H

#include "mf_dot_2x4.h"

/* Rows spread at a time: all of them up to 32 KiB of pairs, but eight at least; even. */
static inline int32_t mf_linear_dsp_block(int32_t rows, int32_t k) {
  const int32_t fitting = (32768 / (2 * ((k + 3) & ~3))) & ~1;
  const int32_t block = fitting < 8 ? 8 : fitting;
  const int32_t even = (rows + 1) & ~1;
  return even < block ? even : block;
}

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
  const int32_t block = mf_linear_dsp_block(rows, k);
  uint32_t *panel = (uint32_t *)scratch; /* [words, 4], then mult and add of each column */
  int32_t *tail = (int32_t *)(panel + 4 * words);
  uint32_t *pairs = panel + 4 * words + MF_PANEL_TAIL; /* [block / 2, words, 2] */
  for (int32_t first = 0; first < rows; first += block) {
    const int32_t count = rows - first < block ? rows - first : block;
    for (int32_t row = 0; row < count; row += 2) { /* an odd last row is taken twice */
      const int8_t *from = x + (first + row) * k;
      mf_spread_2(from, row + 1 < count ? from + k : from, pairs + row * words, k);
    }
    for (int32_t column = 0; column < n; column += 4) {
      const int32_t width = n - column < 4 ? n - column : 4;
      const int8_t *columns[4];
      for (int32_t j = 0; j < 4; j++) { /* columns beyond the last repeat it */
        const int32_t c = column + (j < width ? j : width - 1);
        columns[j] = weight + c * k;
        tail[2 * j] = mult[c];
        tail[2 * j + 1] = add[c];
      }
      mf_spread_4(columns, panel, k);
      const uint32_t *from = pairs;
      int8_t *to = y + first * n + column;
      for (int32_t left = count; left > 0; left -= 2, to += 2 * n) {
        int32_t sums[8];
        from = mf_dot_2x4(from, panel, words, 1, sums);
        for (int32_t i = 0; i < 8; i++) {
          sums[i] = mf_lookup(table, mf_clamp8(sums[i] >> shift));
        }
        mf_store_2x4(to, n, left, width, sums);
      }
    }
  }
}

#endif
