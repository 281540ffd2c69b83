/* SPDX-License-Identifier: Apache-2.0 */
/* A whole attention layer head by head: what its kernel is made of.
 *
 * Queries, keys and values of one head are projected straight to the pairs that the products read;
 * a head's context is written over its queries, and its part of the output projection is added to
 * int32 sums of the output. So memory is that of one head, whatever their number. */
#ifndef MF_ATTENTION_BLOCK_DSP_H
#define MF_ATTENTION_BLOCK_DSP_H

#include "mf_attention_dsp.h"
#include "mf_probability_dsp.h"
#include "mf_projections_dsp.h"

/* Working memory beside that of mf_head_t. */
typedef struct {
  mf_head_t head;
  uint32_t *x;       /* [2 ceil(rows / 4), words of e, 2] */
  uint32_t *queries; /* [ceil(rows / 2), words of a head, 2], then the context */
  uint32_t *panel;   /* four columns of a weight */
  int32_t *sums;     /* [ceil(n / 4), ceil(rows / 2), 8] */
} mf_block_t;

static inline mf_block_t mf_block(
    void *scratch, int32_t rows, int32_t e, int32_t n, int32_t head_dim, int32_t value_dim) {
  const int32_t pairs = (rows + 1) >> 1, quads = (rows + 3) >> 2;
  mf_block_t block;
  block.sums = (int32_t *)scratch;
  block.x = (uint32_t *)(block.sums + ((n + 3) >> 2) * pairs * 8);
  block.queries = block.x + 2 * quads * mf_words(e) * 2;
  block.panel = block.queries + pairs * mf_query_words(head_dim, value_dim) * 2;
  block.head = mf_head(
      block.panel + 4 * mf_words(e > value_dim ? e : value_dim) + MF_PANEL_TAIL, rows, head_dim,
      value_dim);
  return block;
}

/* Rows of x to pairs; beyond the last it is repeated, so that a panel of keys is never half full. */
MF_INLINE void mf_spread_rows(const mf_block_t *block, const int8_t *x, int32_t rows, int32_t e) {
  for (int32_t row = 0; row < ((rows + 3) & ~3); row += 2) {
    const int8_t *first = x + (row < rows ? row : rows - 1) * e;
    const int8_t *second = x + (row + 1 < rows ? row + 1 : rows - 1) * e;
    mf_spread_2(first, second, block->x + row * mf_words(e), e);
  }
}

#endif
