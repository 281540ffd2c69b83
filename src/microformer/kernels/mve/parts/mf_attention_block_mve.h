/* SPDX-License-Identifier: Apache-2.0 */
/* A whole attention layer head by head: what its kernel is made of.
 *
 * One head's queries, keys, values and context at a time; its part of the output projection is
 * added to int32 sums of the output. Phases are functions of their own, so that each stays small. */
#ifndef MF_ATTENTION_BLOCK_MVE_H
#define MF_ATTENTION_BLOCK_MVE_H

#include "mf_matrix_mve.h"

/* Working memory: one head's, and the sums. */
typedef struct {
  int32_t *sums;   /* [ceil(n / 4), rows, 4] */
  int8_t *q;       /* [rows, head_dim] */
  int8_t *k;       /* [rows, head_dim] */
  int8_t *v;       /* [rows, value_dim] */
  int8_t *context; /* [rows, value_dim] */
  void *work;      /* of a projection, or of the attention */
} mf_mve_block_t;

static inline mf_mve_block_t mf_mve_block_of(
    void *scratch, int32_t rows, int32_t n, int32_t head_dim, int32_t value_dim) {
  mf_mve_block_t block;
  block.sums = (int32_t *)scratch;
  block.q = (int8_t *)(block.sums + ((n + 3) >> 2) * rows * 4);
  block.k = block.q + rows * head_dim;
  block.v = block.k + rows * head_dim;
  block.context = block.v + rows * value_dim;
  block.work = block.q + ((2 * rows * (head_dim + value_dim) + 7) & ~7);
  return block;
}

/* One projection of one head. */
MF_PHASE void mf_mve_project(
    const int8_t *x, void *work, const int8_t *weight, const int32_t *mult, const int32_t *add,
    int8_t *y, int32_t rows, int32_t e, int32_t n, int32_t shift) {
  const mf_scale_t scale = mf_scale(shift);
  mf_mve_rows(x, (int8_t *)work, weight, mult, add, NULL, y, rows, e, n, &scale);
}

/* Four sums more. */
MF_INLINE void mf_mve_add_4(int32_t *sums, const int32_t more[4], int32_t first) {
#if MF_HAS_MVE
  const int32x4_t value = {more[0], more[1], more[2], more[3]};
  vst1q_s32(sums, first ? value : vaddq_s32(vld1q_s32(sums), value));
#else
  for (int32_t j = 0; j < 4; j++) {
    sums[j] = first ? more[j] : sums[j] + more[j];
  }
#endif
}

/* One head's part of the output projection; the first head sets the sums. */
MF_PHASE void mf_mve_accumulate(
    const int8_t *context, void *work, const int8_t *weight /* [n, value_dim], stride apart */,
    int32_t *sums, int32_t rows, int32_t value_dim, int32_t n, int32_t stride, int32_t first) {
  int8_t *panel = (int8_t *)work;
  for (int32_t c = 0; c < n; c += 4) {
    mf_mve_panel(weight + c * stride, panel, value_dim, stride, n - c);
    const int8_t *from = context;
    for (int32_t left = rows; left > 0; left -= 2, from += 2 * value_dim) {
      int32_t s[8];
      mf_mve_dot_2x4(from, left > 1 ? from + value_dim : from, panel, value_dim, 1, s);
      mf_mve_add_4(sums, s, first);
      sums += 4;
      if (left > 1) {
        mf_mve_add_4(sums, s + 4, first);
        sums += 4;
      }
    }
  }
}

/* The sums of all heads to y. */
MF_PHASE void mf_mve_requantize_sums(
    const int32_t *sums, const int32_t *mult, const int32_t *add, int8_t *y, int32_t rows,
    int32_t n, int32_t shift) {
  const mf_scale_t scale = mf_scale(shift);
  for (int32_t c = 0; c < n; c += 4) {
    const int32_t width = n - c < 4 ? n - c : 4;
    for (int32_t row = 0; row < rows; row++, sums += 4) {
      mf_mve_store_4(sums, mult + c, add + c, NULL, y + row * n + c, width, &scale);
    }
  }
}

#endif
