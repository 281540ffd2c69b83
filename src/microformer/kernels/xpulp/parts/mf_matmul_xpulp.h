/* SPDX-License-Identifier: Apache-2.0 */
/* Products of two activations on a cluster, equations (1m), (2w).
 *
 * b of some matrices is put into panels of four columns by all cores, with what its zero point adds
 * to a column; then the cores share (matrix, four rows, panel). Four rows of a are copied to a core's
 * own buffer, an odd number of words apart, with what b's zero point adds to a row: a tile's sums
 * begin with both, so that the inner loop is that of every product. */
#ifndef MF_MATMUL_XPULP_H
#define MF_MATMUL_XPULP_H

#include "mf_repack_xpulp.h"
#include "mf_tile_xpulp.h"

typedef struct {
  const int8_t *a, *b;
  int8_t *y;
  int32_t rows, k, n, transposed, zero_a, zero_b, mult, shift, zero;
  int32_t words, panels; /* of a row of a; of b */
  mf_high_t high;
} mf_product_t;

/* Words of a panel: four columns, their terms, and one that makes them odd. */
MF_INLINE int32_t mf_product_panel(int32_t words) { return 4 * words + 5; }

/* Matrices at a time: enough (matrix, four rows) to go to eight cores without much left over. */
MF_INLINE int32_t mf_product_group(int32_t batch, int32_t rows) {
  const int32_t quads = (rows + 3) >> 2, wanted = (15 + quads) / quads;
  return wanted < batch ? wanted : batch;
}

/* A panel of b of matrix `matrix`: za (k zb - sum b) is the term of a column. */
MF_INLINE void mf_product_pack(const mf_product_t *p, int32_t matrix, int32_t panel, int32_t *to) {
  const int8_t *const b = p->b + matrix * p->k * p->n;
  const int32_t column = 4 * panel, width = p->n - column < 4 ? p->n - column : 4;
  int32_t sum[4] = {0, 0, 0, 0}, *const terms = to + 4 * p->words;
  if (p->transposed) {
    for (int32_t j = 0; j < 4; j++) {
      const int8_t *const from = b + (column + (j < width ? j : 0)) * p->k;
      mf_row_to_panel(from, p->k, p->words, 4, to + j);
    }
  } else {
    const int8_t *from = b + column;
    for (int32_t word = 0; word < p->words; word++, from += 4 * p->n) {
      mf_transpose_4x4(from, p->n, p->k - 4 * word, width, to + 4 * word);
    }
  }
  for (int32_t word = 0; word < p->words; word++, to += 4) {
    for (int32_t j = 0; j < 4; j++) {
      sum[j] = mf_sdot4(sum[j], to[j], 0x01010101);
    }
  }
  for (int32_t j = 0; j < 4; j++) {
    terms[j] = p->zero_a * (p->k * p->zero_b - sum[j]);
  }
}

/* Rows from `row` on, the last one repeated, to `to`; -zb sum a is the term of a row. */
MF_INLINE void mf_product_rows(
    const mf_product_t *p, int32_t matrix, int32_t row, int32_t *to, int32_t terms[4]) {
  const int32_t count = p->rows - row < 4 ? p->rows - row : 4, pitch = p->words | 1;
  for (int32_t i = 0; i < 4; i++, to += pitch) {
    const int8_t *const from = p->a + (matrix * p->rows + row + (i < count ? i : count - 1)) * p->k;
    int32_t sum = 0;
    mf_row_to_panel(from, p->k, p->words, 1, to);
    for (int32_t word = 0; word < p->words; word++) {
      sum = mf_sdot4(sum, to[word], 0x01010101);
    }
    terms[i] = -p->zero_b * sum;
  }
}

/* A tile to y. */
MF_INLINE void mf_product_tile(
    const mf_product_t *p, const int32_t *rows, const int32_t *panel, const int32_t terms[4],
    int8_t *y, int32_t below, int32_t beside) {
  const int32_t *const of_columns = panel + 4 * p->words;
  int32_t s[16];
#pragma GCC unroll 16
  for (int32_t i = 0; i < 16; i++) {
    s[i] = terms[i >> 2] + of_columns[i & 3];
  }
  mf_tile_more_4x4((const int8_t *)rows, 4 * (p->words | 1), panel, p->words, s);
  if (p->high.right > 0) {
    const mf_high_t high = p->high;
#pragma GCC unroll 16
    for (int32_t i = 0; i < 16; i++) {
      s[i] = mf_quantized_high(&high, s[i], p->mult);
    }
  } else {
#pragma GCC unroll 1
    for (int32_t i = 0; i < 16; i++) {
      s[i] = mf_requantize_wide(s[i], p->mult, 0, p->shift, p->zero);
    }
  }
  mf_store_4x4(y, p->n, s, below, beside);
}

/* All of it; `scratch` holds the panels of a group, then four rows of each core. */
MF_INLINE void mf_matmul_xpulp(const mf_product_t *p, int32_t batch, int32_t *scratch) {
  const int32_t quads = (p->rows + 3) >> 2, size = mf_product_panel(p->words);
  const int32_t group = mf_product_group(batch, p->rows);
  int32_t *const work = scratch + group * p->panels * size + mf_core() * 4 * (p->words | 1);
  for (int32_t matrix = 0; matrix < batch; matrix += group) {
    const int32_t here = batch - matrix < group ? batch - matrix : group;
    if (matrix > 0) {
      mf_barrier(); /* nobody reads the last panels any more */
    }
    const mf_tiles_t pack = mf_share_lines(here, p->panels);
    int32_t line = pack.line, at = pack.at;
    for (int32_t left = pack.count; left > 0; left--) {
      mf_product_pack(p, matrix + line, at, scratch + (line * p->panels + at) * size);
      if (++at == p->panels) {
        at = 0, line++;
      }
    }
    mf_barrier();
    const mf_tiles_t part = mf_share_lines(here * quads, p->panels);
    line = part.line, at = part.at;
    for (int32_t left = part.count; left > 0; line++, at = 0) {
      const int32_t local = line / quads, row = 4 * (line - local * quads);
      const int32_t end = at + left < p->panels ? at + left : p->panels;
      int32_t terms[4];
      int8_t *const y = p->y + ((matrix + local) * p->rows + row) * p->n;
      const int32_t *panel = scratch + (local * p->panels + at) * size;
      mf_product_rows(p, matrix + local, row, work, terms);
      left -= end - at;
      for (; at < end; at++, panel += size) {
        mf_product_tile(p, work, panel, terms, y + 4 * at, p->rows - row, p->n - 4 * at);
      }
    }
  }
}

#endif
