/* SPDX-License-Identifier: Apache-2.0 */
/* Multi-head attention on pairs of int16, two query rows at a time, equations (3) and (4). */
#ifndef MF_ATTENTION_S8_DSP_2X4_H
#define MF_ATTENTION_S8_DSP_2X4_H

#include "mf_attention_dsp.h"
#include "mf_probability_dsp.h"

static inline void mf_attention_s8_dsp_2x4(
    const int8_t *restrict q,      /* [sq, heads * head_dim], zero point 0 */
    const int8_t *restrict k,      /* [sk, kv_heads * head_dim] */
    const int8_t *restrict v,      /* [sk, kv_heads * value_dim] */
    const uint8_t *restrict lut,   /* [256], or NULL */
    const int32_t *restrict bias,  /* [sq, sk], one a head bias_stride apart, or NULL */
    int8_t *restrict y,            /* [sq, heads * value_dim] */
    int32_t sq, int32_t sk, int32_t heads, int32_t kv_heads, int32_t head_dim, int32_t value_dim,
    int32_t bias_stride, int32_t causal, int32_t by_lut, int32_t exp_a, int32_t exp_b,
    int32_t exp_c, int32_t exp_d, int32_t exp_e, int32_t out_mult, int32_t out_shift,
    int32_t out_round, int32_t out_zero, int32_t masked_value, void *restrict scratch /* mf_head_t says what for */) {
  mf_exponential_t by = {0};
  mf_exponential(&by, lut, bias, head_dim, by_lut, exp_a, exp_b, exp_c, exp_d, exp_e);
  const mf_head_t work = mf_head(scratch, sk, head_dim, value_dim);
  const int32_t queries_per_key = heads / kv_heads, pitch = (sk + 3) & ~3;
  for (int32_t head = 0; head < heads; head++) {
    const int32_t kv_head = head / queries_per_key;
    if (head % queries_per_key == 0) {
      mf_spread_keys(&work, k + kv_head * head_dim, sk, head_dim, kv_heads * head_dim);
      mf_spread_values(&work, v + kv_head * value_dim, sk, value_dim, kv_heads * value_dim);
    }
    for (int32_t row = 0; row < sq; row += 2) { /* an odd last row is taken twice */
      const int32_t two = row + 1 < sq;
      const int8_t *query = q + (row * heads + head) * head_dim;
      mf_spread_2(query, two ? query + heads * head_dim : query, work.query, head_dim);
      const int32_t most = causal && row + 1 + two < sk ? row + 1 + two : sk;
      int32_t top[2];
      mf_scores_2(&work, most, pitch, top);
      mf_quotient_t quotient[2];
      for (int32_t r = 0; r < 2; r++) {
        int32_t *scores = work.scores + r * pitch;
        const int32_t visible = causal && row + 1 + r < most ? row + 1 + r : most;
        if (bias != NULL) {
          top[r] = mf_bias_row(scores, bias + head * bias_stride + (row + r * two) * sk, visible);
        } else if (causal) {
          top[r] = mf_row_top(scores, visible);
        }
        const int32_t denom =
            mf_dsp_row_probabilities(&by, scores, work.p + r, top[r], visible, most, by.safe);
        quotient[r] = mf_quotient(denom, out_mult);
      }
      mf_context_2(
          &work, quotient, y + (row * heads + head) * value_dim, heads * value_dim, two,
          2 * ((most + 3) >> 2), value_dim, out_shift, out_round, out_zero, masked_value);
    }
  }
}

#endif
