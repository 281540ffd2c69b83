/* Matrix product on pairs of int16, two rows by four columns at a time, equations (1), (2), (6).
 *
 * Both operands are spread to int16 pairs before the inner loop, so that it is nothing but loads
 * and multiply-accumulates: six loads and eight SMLAD for sixteen products. A block of rows is
 * spread once for all columns, a panel of four columns once for all rows of the block. */
#ifndef MF_LINEAR_S8_DSP_2X4_H
#define MF_LINEAR_S8_DSP_2X4_H

#include "mf_dsp.h"

/* Rows spread at a time: all of them up to 8 KiB of pairs, but eight at least; even. */
static inline int32_t mf_linear_dsp_block(int32_t rows, int32_t k) {
  const int32_t fitting = (8192 / (2 * ((k + 3) & ~3))) & ~1;
  const int32_t block = fitting < 8 ? 8 : fitting;
  const int32_t even = (rows + 1) & ~1;
  return even < block ? even : block;
}

/* acc[4 i + j] = sum of x row i by w column j. */
static inline void mf_dot_2x4(
    const uint32_t *x, /* [words, 2] */
    const uint32_t *w, /* [words, 4] */
    int32_t words, int32_t acc[8]) {
  int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
  const uint32_t *const end = w + 4 * words;
  do { /* words is even: two pairs hold four bytes */
#pragma GCC unroll 2
    for (int32_t half = 0; half < 2; half++, x += 2, w += 4) {
      const uint32_t a = x[0], b = x[1];
      uint32_t column = w[0];
      a0 = mf_dot_pair(a, column, a0);
      b0 = mf_dot_pair(b, column, b0);
      column = w[1];
      a1 = mf_dot_pair(a, column, a1);
      b1 = mf_dot_pair(b, column, b1);
      column = w[2];
      a2 = mf_dot_pair(a, column, a2);
      b2 = mf_dot_pair(b, column, b2);
      column = w[3];
      a3 = mf_dot_pair(a, column, a3);
      b3 = mf_dot_pair(b, column, b3);
    }
  } while (w != end);
  acc[0] = a0, acc[1] = a1, acc[2] = a2, acc[3] = a3;
  acc[4] = b0, acc[5] = b1, acc[6] = b2, acc[7] = b3;
}

static inline void mf_linear_s8_dsp_2x4(
    const int8_t *restrict x,       /* [rows, k] */
    const int8_t *restrict weight,  /* [n, k] */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict table,   /* [256] or NULL */
    int8_t *restrict y,             /* [rows, n] */
    int32_t rows, int32_t k, int32_t n, int32_t shift,
    void *restrict scratch /* uint32 [words (4 + block)], words = 2 ceil(k / 4) */) {
  const int32_t words = ((k + 3) & ~3) >> 1;
  const int32_t block = mf_linear_dsp_block(rows, k);
  uint32_t *panel = (uint32_t *)scratch; /* [words, 4] */
  uint32_t *pairs = panel + 4 * words;   /* [block / 2, words, 2] */
  for (int32_t first = 0; first < rows; first += block) {
    const int32_t count = rows - first < block ? rows - first : block;
    for (int32_t row = 0; row < ((count + 1) & ~1); row++) { /* an odd last row is taken twice */
      const int32_t from = first + (row < count ? row : count - 1);
      mf_spread(x + from * k, pairs + (row >> 1) * 2 * words + (row & 1), k, 2);
    }
    for (int32_t column = 0; column < n; column += 4) {
      const int32_t width = n - column < 4 ? n - column : 4;
      for (int32_t j = 0; j < 4; j++) { /* columns beyond the last repeat it */
        const int32_t from = column + (j < width ? j : width - 1);
        mf_spread(weight + from * k, panel + j, k, 4);
      }
      for (int32_t row = 0; row < count; row += 2) {
        int32_t acc[8];
        mf_dot_2x4(pairs + row * words, panel, words, acc);
        const int32_t height = count - row < 2 ? 1 : 2;
        for (int32_t i = 0; i < height; i++) {
          int8_t *to = y + (first + row + i) * n + column;
          for (int32_t j = 0; j < width; j++) {
            const int32_t c = column + j;
            to[j] = mf_lookup(table, mf_requantize(acc[4 * i + j], mult[c], add[c], shift));
          }
        }
      }
    }
  }
}

#endif
