/* SPDX-License-Identifier: Apache-2.0 */
/* Multi-head attention streamed by query rows, equations (3) and (4). */
#ifndef MF_ATTENTION_S8_REF_H
#define MF_ATTENTION_S8_REF_H

#include "mf_attention.h"
#include "mf_softmax.h"

static inline void mf_attention_s8_ref(
    const int8_t *restrict q,      /* [sq, heads * head_dim], zero point 0 */
    const int8_t *restrict k,      /* [sk, kv_heads * head_dim] */
    const int8_t *restrict v,      /* [sk, kv_heads * value_dim] */
    const uint8_t *restrict lut,   /* [256], or NULL */
    const int32_t *restrict bias,  /* [sq, sk], one a head bias_stride apart, or NULL */
    int8_t *restrict y,            /* [sq, heads * value_dim] */
    int32_t sq, int32_t sk, int32_t heads, int32_t kv_heads, int32_t head_dim, int32_t value_dim,
    int32_t bias_stride, int32_t causal, int32_t by_lut, int32_t exp_a, int32_t exp_b,
    int32_t exp_c, int32_t exp_d, int32_t exp_e, int32_t out_mult, int32_t out_shift,
    int32_t out_round, int32_t out_zero, int32_t masked_value, void *restrict scratch /* int32 [sk + value_dim] */) {
  mf_exponential_t by = {0};
  mf_exponential(&by, lut, bias, head_dim, by_lut, exp_a, exp_b, exp_c, exp_d, exp_e);
  const int32_t queries_per_key = heads / kv_heads;
  int32_t *scores = (int32_t *)scratch; /* [sk], later the probabilities */
  int32_t *sums = scores + sk;          /* [value_dim] */
  for (int32_t head = 0; head < heads; head++) {
    const int32_t kv_head = head / queries_per_key;
    for (int32_t row = 0; row < sq; row++) {
      const int32_t visible = causal && row + 1 < sk ? row + 1 : sk;
      const int32_t *row_bias = bias != NULL ? bias + (head * bias_stride + row * sk) : NULL;
      const int32_t top = mf_attention_scores(
          q + (row * heads + head) * head_dim, k + kv_head * head_dim, row_bias, scores, visible,
          head_dim, kv_heads * head_dim);
      int32_t denom = 0;
      for (int32_t j = 0; j < visible; j++) {
        const int32_t score = scores[j];
        const int32_t p = score == MF_MASKED ? 0 : mf_probability(&by, top - score);
        scores[j] = p;
        denom += p;
      }
      mf_attention_sums(
          scores, v + kv_head * value_dim, sums, visible, value_dim, kv_heads * value_dim);
      mf_attention_normalize(
          sums, y + (row * heads + head) * value_dim, denom, value_dim, out_mult, out_shift,
          out_round, out_zero, masked_value);
    }
  }
}

#endif
