/* Multi-head attention on vectors of sixteen bytes, two query rows at a time; probabilities by I-BERT's exponential, equation (4). */
#ifndef MF_ATTENTION_S8_IBERT_MVE_2X4_H
#define MF_ATTENTION_S8_IBERT_MVE_2X4_H

#include "mf_attention_mve.h"
#include "mf_softmax.h"

/* Probabilities of one row, zero from `visible` to a multiple of sixteen behind `most`; their sum. */
MF_INLINE int32_t mf_mve_ibert_row(
    const mf_ibert_t *ibert, const int32_t *scores, int8_t *to, int32_t top, int32_t visible,
    int32_t most) {
  int32_t denom = 0;
  for (int32_t j = 0; j < mf_padded(most); j++) {
    const int32_t seen = j < visible && scores[j] != MF_MASKED;
    const int32_t p = seen ? mf_ibert_probability(ibert, top - scores[j]) : 0;
    denom += p;
    to[j] = (int8_t)(uint8_t)p;
  }
  return denom;
}

static inline void mf_attention_s8_ibert_mve_2x4(
    const int8_t *restrict q,      /* [sq, heads * head_dim], zero point 0 */
    const int8_t *restrict k,      /* [sk, kv_heads * head_dim] */
    const int8_t *restrict v,      /* [sk, kv_heads * value_dim] */
    const int32_t *restrict bias,  /* [sq, sk], one a head bias_stride apart, or NULL */
    int8_t *restrict y,            /* [sq, heads * value_dim] */
    int32_t sq, int32_t sk, int32_t heads, int32_t kv_heads, int32_t head_dim, int32_t value_dim,
    int32_t bias_stride, int32_t causal, int32_t preshift, int32_t ln2, int32_t b,
    int32_t c, int32_t shift,
    int32_t out_mult, int32_t out_shift, int32_t out_round, int32_t out_zero,
    int32_t masked_value, void *restrict scratch /* mf_mve_head_t says what for */) {
  const mf_ibert_t table = mf_ibert(preshift, ln2, b, c, shift);
  const mf_mve_head_t work = mf_mve_head(scratch, sk, head_dim, value_dim);
  const int32_t group = heads / kv_heads, pitch = mf_padded(sk);
  for (int32_t head = 0; head < heads; head++) {
    const int32_t kv_head = head / group;
    if (head % group == 0) {
      mf_mve_keys(&work, k + kv_head * head_dim, sk, head_dim, kv_heads * head_dim);
      mf_mve_values(&work, v + kv_head * value_dim, sk, value_dim, kv_heads * value_dim);
    }
    for (int32_t row = 0; row < sq; row += 2) { /* an odd last row is taken twice */
      const int32_t two = row + 1 < sq;
      const int8_t *query = q + (row * heads + head) * head_dim;
      const int32_t most = causal && row + 1 + two < sk ? row + 1 + two : sk;
      mf_mve_scores_2(
          &work, query, query + two * heads * head_dim, most, head_dim, pitch);
      int32_t denom[2];
      for (int32_t r = 0; r < 2; r++) {
        int32_t *scores = work.scores + r * pitch;
        int8_t *p = work.p + r * pitch;
        const int32_t visible = causal && row + 1 + r < most ? row + 1 + r : most;
        const int32_t top =
            bias == NULL
                ? mf_mve_top(scores, visible)
                : mf_bias_row(scores, bias + head * bias_stride + (row + r * two) * sk, visible);
        denom[r] = mf_mve_ibert_row(&table, scores, p, top, visible, most);
      }
      mf_mve_context_2(
          &work, denom, y + (row * heads + head) * value_dim, heads * value_dim, two, most, sk,
          value_dim, out_mult, out_shift, out_round, out_zero, masked_value);
    }
  }
}

#endif
