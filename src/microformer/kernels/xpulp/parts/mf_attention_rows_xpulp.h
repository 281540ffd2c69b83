/* SPDX-License-Identifier: Apache-2.0 */
/* Attention on a cluster where queries, keys and values lie in rows: what its kernel is made of.
 *
 * Keys and values of `group` heads at a time are put into panels by all cores; then the cores share
 * their (head, four rows). */
#ifndef MF_ATTENTION_ROWS_XPULP_H
#define MF_ATTENTION_ROWS_XPULP_H

#include "mf_attention_xpulp.h"
#include "mf_matrix_xpulp.h"
#include "mf_repack_xpulp.h"

/* Shapes of the keys and values. */
typedef struct {
  int32_t sk, kv_heads, head_dim, value_dim;
} mf_kv_t;

/* Panels of heads `first` to `first` + `heads` of keys and values, by all cores. */
MF_PHASE void mf_panel_heads(
    const int8_t *k, const int8_t *v, mf_kv_t kv, int32_t first, int32_t heads, int32_t *keys,
    int32_t *values) {
  const int32_t quads = (kv.sk + 3) >> 2, key_words = (kv.head_dim + 3) >> 2;
  const int32_t value_quads = (kv.value_dim + 3) >> 2, key_panel = mf_key_panel(key_words);
  const int32_t value_panel = mf_value_panel(kv.sk);
  const int32_t k_stride = kv.kv_heads * kv.head_dim, v_stride = kv.kv_heads * kv.value_dim;
  const mf_tiles_t part = mf_share_lines(heads, quads);
  int32_t head = part.line, quad = part.at;
  for (int32_t left = part.count; left > 0; left--) {
    const int32_t row = 4 * quad, below = kv.sk - row < 4 ? kv.sk - row : 4;
    int32_t *const panel = keys + (head * quads + quad) * key_panel;
    for (int32_t i = 0; i < 4; i++) { /* beyond the last key it is repeated, with p = 0 */
      const int8_t *from = k + (row + (i < below ? i : below - 1)) * k_stride;
      mf_row_to_panel(
          from + (first + head) * kv.head_dim, kv.head_dim, key_words, 4, panel + i);
    }
    const int8_t *from = v + row * v_stride + (first + head) * kv.value_dim;
    int32_t *to = values + head * value_quads * value_panel + 4 * quad;
    for (int32_t c = 0; c < kv.value_dim; c += 4, to += value_panel) {
      mf_transpose_4x4(from + c, v_stride, below, kv.value_dim - c, to);
    }
    if (++quad == quads) {
      quad = 0, head++;
    }
  }
}

/* Words of L1 a core: four queries, four rows of context, what mf_attend needs. */
MF_INLINE int32_t mf_rows_words(int32_t sk, int32_t key_words, int32_t value_quads, int32_t biased) {
  return 4 * (key_words | 1) + 4 * value_quads + mf_core_words(sk, biased);
}

/* scratch: keys and values of a group, each core's part, the table. */
MF_INLINE void mf_attention_rows_xpulp(
    const int8_t *q, const int8_t *k, const int8_t *v, const uint8_t *lut, const int32_t *bias,
    int8_t *y, int32_t sq, int32_t heads, int32_t head_dim, int32_t value_dim, int32_t kv_heads,
    int32_t bias_stride, mf_attend_t *op, void *scratch) {
  const int32_t sk = op->sk, quads = (sq + 3) >> 2, queries = heads / kv_heads;
  const int32_t key_words = op->key_words, value_quads = op->value_quads;
  const int32_t key_size = ((sk + 3) >> 2) * mf_key_panel(key_words);
  const int32_t value_size = value_quads * mf_value_panel(sk);
  const int32_t group = mf_head_group(sq, heads, kv_heads), q_words = key_words | 1;
  const int32_t core_words = mf_rows_words(sk, key_words, value_quads, bias != NULL);
  int32_t *const keys = (int32_t *)scratch, *const values = keys + group * key_size;
  int32_t *const all = values + group * value_size, *const work = all + mf_core() * core_words;
  int8_t *const context = (int8_t *)(work + 4 * q_words);
  const mf_kv_t kv = {sk, kv_heads, head_dim, value_dim};
  if (lut != NULL) {
    op->exponential.lut.table = (const uint8_t *)mf_in_l1(lut, all + 8 * core_words, 256);
  }
  for (int32_t head = 0; head < kv_heads; head += group) {
    const int32_t here = kv_heads - head < group ? kv_heads - head : group;
    if (head > 0) {
      mf_barrier(); /* nobody reads the last group any more */
    }
    mf_panel_heads(k, v, kv, head, here, keys, values);
    mf_barrier();
    const mf_share_t share = mf_share(here * queries * quads);
    for (int32_t unit = share.begin; unit < share.end; unit++) {
      const int32_t local = unit / quads, row = 4 * (unit - local * quads), in = local / queries;
      const int32_t whole = head * queries + local, count = sq - row < 4 ? sq - row : 4;
      for (int32_t i = 0; i < 4; i++) {
        const int32_t from = row + (i < count ? i : count - 1);
        mf_row_to_panel(
            q + (from * heads + whole) * head_dim, head_dim, key_words, 1, work + i * q_words);
      }
      mf_attend(
          op, (const int8_t *)work, 4 * q_words, keys + in * key_size, values + in * value_size,
          bias != NULL ? bias + (whole * bias_stride + row * sk) : NULL, context, 4 * value_quads,
          row, count, work + 4 * q_words + 4 * value_quads);
      for (int32_t i = 0; i < count; i++) {
        int8_t *const to = y + ((row + i) * heads + whole) * value_dim;
        mf_copy_words(context + 4 * i * value_quads, to, value_dim >> 2);
        for (int32_t c = value_dim & ~3; c < value_dim; c++) {
          to[c] = context[4 * i * value_quads + c];
        }
      }
    }
  }
}

#endif
