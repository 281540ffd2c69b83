/* SPDX-License-Identifier: Apache-2.0 */
/* Multi-head attention for cores without SIMD, a query row at a time, equations (3) and (4).
 *
 * Scores are products of pairs (mf_pairs_scalar.h). A probability and a value less -128 have no sign
 * and eight bits each, so one multiplication does two channels, 16 bits apart: of the products the
 * whole sum is kept modulo 2^32 and that of the higher halves, and the lower ones' is the difference. */
#ifndef MF_ATTENTION_S8_SCALAR_H
#define MF_ATTENTION_S8_SCALAR_H

#include "mf_attention.h"
#include "mf_pairs_scalar.h"
#include "mf_softmax.h"

/* Keys of one head, four side by side, as columns of pairs; what is beyond the last repeats it. */
MF_INLINE void mf_scalar_keys(
    const int8_t *k, uint32_t *to, int32_t sk, int32_t head_dim, int32_t stride) {
  const int32_t pairs = mf_pairs_of(head_dim);
  for (int32_t j = 0; j < ((sk + 3) & ~3); j++) {
    const int8_t *key = k + (j < sk ? j : sk - 1) * stride;
    uint32_t *at = to + (j >> 2) * 4 * pairs + (j & 3);
    for (int32_t i = 0; i < head_dim; i += 2, at += 4) {
      *at = mf_pair_of(i + 1 < head_dim ? key[i + 1] : 0, key[i]);
    }
  }
}

/* Values of one head less -128: words of two channels, [ceil(value_dim / 4), sk, 2]. */
MF_INLINE void mf_scalar_values(
    const int8_t *v, uint32_t *to, int32_t sk, int32_t value_dim, int32_t stride) {
  for (int32_t c = 0; c < value_dim; c += 4) {
    for (int32_t j = 0; j < sk; j++, to += 2) {
      const int8_t *value = v + j * stride + c;
      uint32_t channel[4];
      for (int32_t i = 0; i < 4; i++) {
        channel[i] = c + i < value_dim ? (uint32_t)(value[i] + 128) : 0;
      }
      to[0] = channel[0] | channel[1] << 16;
      to[1] = channel[2] | channel[3] << 16;
    }
  }
}

/* sums[0 .. 3] = p . four channels over the first `visible` keys; denom is the sum of p. */
MF_INLINE void mf_scalar_context_4(
    const int32_t *p, const uint32_t *values, int32_t visible, int32_t denom, int32_t sums[4]) {
  uint32_t all = 0, high = 0, next_all = 0, next_high = 0;
#pragma GCC unroll 2
  for (int32_t j = 0; j < visible; j++, values += 2) {
    const uint32_t share = (uint32_t)p[j];
    const uint32_t first = values[0] * share, second = values[1] * share;
    all += first, high += first >> 16;
    next_all += second, next_high += second >> 16;
  }
  sums[0] = (int32_t)(all - (high << 16)) - 128 * denom;
  sums[1] = (int32_t)high - 128 * denom;
  sums[2] = (int32_t)(next_all - (next_high << 16)) - 128 * denom;
  sums[3] = (int32_t)next_high - 128 * denom;
}

static inline void mf_attention_s8_scalar(
    const int8_t *restrict q,      /* [sq, heads * head_dim], zero point 0 */
    const int8_t *restrict k,      /* [sk, kv_heads * head_dim] */
    const int8_t *restrict v,      /* [sk, kv_heads * value_dim] */
    const uint8_t *restrict lut,   /* [256], or NULL */
    const int32_t *restrict bias,  /* [sq, sk], one a head bias_stride apart, or NULL */
    int8_t *restrict y,            /* [sq, heads * value_dim] */
    int32_t sq, int32_t sk, int32_t heads, int32_t kv_heads, int32_t head_dim, int32_t value_dim,
    int32_t bias_stride, int32_t causal, int32_t by_lut, int32_t exp_a, int32_t exp_b,
    int32_t exp_c, int32_t exp_d, int32_t exp_e, int32_t out_mult, int32_t out_shift,
    int32_t out_round, int32_t out_zero, int32_t masked_value,
    void *restrict scratch /* int32 [sk4 + value4], uint32 [pairs], [sk4 pairs], [value4 sk / 2] */) {
  mf_exponential_t by = {0};
  mf_exponential(&by, lut, bias, head_dim, by_lut, exp_a, exp_b, exp_c, exp_d, exp_e);
  const int32_t group = heads / kv_heads, pairs = mf_pairs_of(head_dim);
  int32_t *scores = (int32_t *)scratch; /* [sk4], later the probabilities */
  int32_t *sums = scores + ((sk + 3) & ~3);
  uint32_t *query = (uint32_t *)(sums + ((value_dim + 3) & ~3));
  uint32_t *keys = query + pairs;
  uint32_t *values = keys + ((sk + 3) & ~3) * pairs;
  for (int32_t head = 0; head < heads; head++) {
    const int32_t kv_head = head / group;
    if (head % group == 0) {
      mf_scalar_keys(k + kv_head * head_dim, keys, sk, head_dim, kv_heads * head_dim);
      mf_scalar_values(v + kv_head * value_dim, values, sk, value_dim, kv_heads * value_dim);
    }
    for (int32_t row = 0; row < sq; row++) {
      const int32_t visible = causal && row + 1 < sk ? row + 1 : sk;
      mf_pairs_of_row(q + (row * heads + head) * head_dim, query, head_dim);
      for (int32_t j = 0; j < visible; j += 4) {
        mf_pairs_dot_1x4(query, keys + j * pairs, pairs, scores + j);
      }
      const int32_t top =
          bias == NULL ? mf_row_top(scores, visible)
                       : mf_bias_row(scores, bias + (head * bias_stride + row * sk), visible);
      int32_t denom = 0;
      for (int32_t j = 0; j < visible; j++) {
        const int32_t p = scores[j] == MF_MASKED ? 0 : mf_probability(&by, top - scores[j]);
        scores[j] = p;
        denom += p;
      }
      for (int32_t c = 0; c < value_dim; c += 4) {
        mf_scalar_context_4(scores, values + (c >> 1) * sk, visible, denom, sums + c);
      }
      mf_attention_normalize(
          sums, y + (row * heads + head) * value_dim, denom, value_dim, out_mult, out_shift,
          out_round, out_zero, masked_value);
    }
  }
}

#endif
