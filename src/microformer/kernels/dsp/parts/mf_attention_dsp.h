/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of attention on pairs of int16, equations (3) and (4).
 *
 * Two query rows at a time. Keys and values of a head are spread to panels once for all rows:
 * four keys by their width, four value channels by the keys. Scores of two rows, never S x S. */
#ifndef MF_ATTENTION_DSP_H
#define MF_ATTENTION_DSP_H

#include "mf_attention.h"
#include "mf_dot_2x4.h"
#include "mf_quotient.h"
#include "mf_spread.h"

/* Working memory of one head. */
typedef struct {
  int32_t key_words;   /* pairs of a key, even */
  int32_t value_words; /* pairs of keys, even */
  uint32_t *keys;      /* [ceil(sk / 4), key_words, 4] */
  uint32_t *values;    /* [ceil(value_dim / 4), value_words, 4] */
  uint32_t *query;     /* [key_words, 2] */
  uint32_t *p;         /* [value_words, 2] */
  int32_t *scores;     /* [2, 4 ceil(sk / 4)] */
} mf_head_t;

static inline mf_head_t mf_head(void *scratch, int32_t sk, int32_t head_dim, int32_t value_dim) {
  mf_head_t head;
  head.key_words = 2 * ((head_dim + 3) >> 2);
  head.value_words = 2 * ((sk + 3) >> 2);
  head.keys = (uint32_t *)scratch;
  head.values = head.keys + ((sk + 3) >> 2) * head.key_words * 4;
  head.query = head.values + ((value_dim + 3) >> 2) * head.value_words * 4;
  head.p = head.query + 2 * head.key_words;
  head.scores = (int32_t *)(head.p + 2 * head.value_words);
  return head;
}

/* Panels of four keys; beyond the last key it is repeated, its scores are never read. */
MF_INLINE void mf_spread_keys(
    const mf_head_t *head, const int8_t *k /* [sk, stride] */, int32_t sk, int32_t head_dim,
    int32_t stride) {
  uint32_t *to = head->keys;
  for (int32_t j = 0; j < sk; j += 4, to += 4 * head->key_words) {
    const int8_t *rows[4];
    for (int32_t i = 0; i < 4; i++) {
      rows[i] = k + (j + i < sk ? j + i : sk - 1) * stride;
    }
    mf_spread_4(rows, to, head_dim);
  }
}

/* Panels of four value channels, pairs of keys; beyond the last key anything will do: p = 0. */
MF_INLINE void mf_spread_values(
    const mf_head_t *head, const int8_t *v /* [sk, stride] */, int32_t sk, int32_t value_dim,
    int32_t stride) {
  uint32_t *to = head->values;
  for (int32_t c = 0; c < value_dim; c += 4) {
    const int32_t width = value_dim - c < 4 ? value_dim - c : 4;
#pragma GCC unroll 1
    for (int32_t j = 0; j < 2 * head->value_words; j += 2, to += 4) {
      const int8_t *first = v + (j < sk ? j : sk - 1) * stride + c;
      const int8_t *second = j + 1 < sk ? first + stride : first;
      const uint32_t a = width == 4 ? mf_load4(first) : mf_load_tail(first, width);
      const uint32_t b = width == 4 ? mf_load4(second) : mf_load_tail(second, width);
      const uint32_t a_even = mf_pair_even(a), a_odd = mf_pair_odd(a);
      const uint32_t b_even = mf_pair_even(b), b_odd = mf_pair_odd(b);
      to[0] = (a_even & 0xFFFFu) | b_even << 16;
      to[1] = (a_odd & 0xFFFFu) | b_odd << 16;
      to[2] = a_even >> 16 | (b_even & 0xFFFF0000u);
      to[3] = a_odd >> 16 | (b_odd & 0xFFFF0000u);
    }
  }
}

/* Scores of two rows with the first `visible` keys and the largest of each row. */
MF_INLINE void mf_scores_2(
    const mf_head_t *head, int32_t visible, int32_t pitch, int32_t top[2]) {
  const uint32_t *panel = head->keys;
  int32_t *to = head->scores;
  int32_t top_a = INT32_MIN, top_b = INT32_MIN;
  for (int32_t j = 0; j < visible; j += 4, panel += 4 * head->key_words, to += 4) {
    int32_t sums[8];
    mf_dot_2x4(head->query, panel, head->key_words, 0, sums);
    for (int32_t i = 0; i < 4; i++) { /* a repeated key changes no maximum */
      to[i] = sums[i];
      to[pitch + i] = sums[4 + i];
      top_a = sums[i] > top_a ? sums[i] : top_a;
      top_b = sums[4 + i] > top_b ? sums[4 + i] : top_b;
    }
  }
  top[0] = top_a;
  top[1] = top_b;
}

/* p v of two rows, normalised, as pairs of int16 like those of mf_spread_2. */
MF_INLINE void mf_context_pairs(
    const mf_head_t *head, const mf_quotient_t q[2], uint32_t *to /* [ceil(value_dim / 4) * 2, 2] */,
    int32_t words, int32_t value_dim, int32_t out_shift, int32_t out_round, int32_t out_zero,
    int32_t masked_value) {
  const uint32_t *panel = head->values;
  for (int32_t c = 0; c < value_dim; c += 4, panel += 4 * head->value_words, to += 4) {
    int32_t sums[8];
    mf_dot_2x4(head->p, panel, words, 0, sums);
    for (int32_t i = 0; i < 4; i++) {
      sums[i] = mf_context(sums[i], q[0], out_shift, out_round, out_zero);
      sums[4 + i] = mf_context(sums[4 + i], q[1], out_shift, out_round, out_zero);
    }
    to[0] = mf_pack(sums[0], sums[2]), to[1] = mf_pack(sums[4], sums[6]);
    to[2] = mf_pack(sums[1], sums[3]), to[3] = mf_pack(sums[5], sums[7]);
  }
  for (int32_t row = 0; row < 2; row++) {
    for (int32_t i = 1; q[row].empty && i <= 2 * ((value_dim + 3) >> 2); i++) {
      to[row - 2 * i] = mf_pack(masked_value, masked_value);
    }
  }
}

/* p v of two rows, normalised, to y and y + y_stride (the second only if `two`). */
MF_INLINE void mf_context_2(
    const mf_head_t *head, const mf_quotient_t q[2], int8_t *y, int32_t y_stride, int32_t two,
    int32_t words, int32_t value_dim, int32_t out_shift, int32_t out_round, int32_t out_zero,
    int32_t masked_value) {
  const uint32_t *panel = head->values;
  for (int32_t c = 0; c < value_dim; c += 4, panel += 4 * head->value_words) {
    const int32_t width = value_dim - c < 4 ? value_dim - c : 4;
    int32_t sums[8];
    mf_dot_2x4(head->p, panel, words, 0, sums);
    for (int32_t i = 0; i < 4; i++) {
      sums[i] = mf_context(sums[i], q[0], out_shift, out_round, out_zero);
      sums[4 + i] = mf_context(sums[4 + i], q[1], out_shift, out_round, out_zero);
    }
    mf_store_2x4(y + c, y_stride, 1 + two, width, sums);
  }
  for (int32_t row = 0; row < 1 + two; row++) {
    for (int32_t c = 0; q[row].empty && c < value_dim; c++) {
      y[row * y_stride + c] = (int8_t)masked_value;
    }
  }
}

#endif
