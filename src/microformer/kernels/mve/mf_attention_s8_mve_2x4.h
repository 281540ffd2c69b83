/* SPDX-License-Identifier: Apache-2.0 */
/* Multi-head attention on vectors of sixteen bytes, two query rows at a time, (3) and (4). */
#ifndef MF_ATTENTION_S8_MVE_2X4_H
#define MF_ATTENTION_S8_MVE_2X4_H

#include "mf_attention_mve.h"
#include "mf_softmax.h"

/* Probabilities of one row, zero from `visible` to a multiple of sixteen behind `most`; their sum. */
MF_INLINE int32_t mf_mve_row_probabilities(
    const mf_exponential_t *by, const int32_t *scores, int8_t *to, int32_t top, int32_t visible,
    int32_t most) {
  int32_t denom = 0, j = 0;
#if MF_HAS_MVE
  if (by->safe) {
    const mf_lut_t *const lut = &by->lut;
    const int32x4_t base = vdupq_n_s32(top * lut->mult + (1 << (lut->shift - 1)));
    for (; j < mf_padded(most); j += 4) {
      const mve_pred16_t lanes = vctp32q((uint32_t)(visible > j ? visible - j : 0));
      const int32x4_t score = vldrwq_z_s32(scores + j, lanes);
      const int32x4_t scaled = vmlaq_n_s32(base, score, -lut->mult);
      const uint32x4_t index = vreinterpretq_u32_s32(vshlq_r_s32(scaled, -lut->shift));
      const uint32x4_t at = vminq_u32(index, vdupq_n_u32(255));
      const uint32x4_t p = vldrbq_gather_offset_z_u32(lut->table, at, lanes);
      denom = (int32_t)vaddvaq_u32((uint32_t)denom, p);
      vstrbq_u32((uint8_t *)to + j, p);
    }
    return denom;
  }
#endif
  for (; j < mf_padded(most); j++) {
    const int32_t seen = j < visible && scores[j] != MF_MASKED;
    const int32_t p = seen ? mf_probability(by, top - scores[j]) : 0;
    denom += p;
    to[j] = (int8_t)(uint8_t)p;
  }
  return denom;
}

static inline void mf_attention_s8_mve_2x4(
    const int8_t *restrict q,      /* [sq, heads * head_dim], zero point 0 */
    const int8_t *restrict k,      /* [sk, kv_heads * head_dim] */
    const int8_t *restrict v,      /* [sk, kv_heads * value_dim] */
    const uint8_t *restrict lut,   /* [256], or NULL */
    const int32_t *restrict bias,  /* [sq, sk], one a head bias_stride apart, or NULL */
    int8_t *restrict y,            /* [sq, heads * value_dim] */
    int32_t sq, int32_t sk, int32_t heads, int32_t kv_heads, int32_t head_dim, int32_t value_dim,
    int32_t bias_stride, int32_t causal, int32_t by_lut, int32_t exp_a, int32_t exp_b,
    int32_t exp_c, int32_t exp_d, int32_t exp_e, int32_t out_mult, int32_t out_shift,
    int32_t out_round, int32_t out_zero, int32_t masked_value, void *restrict scratch /* mf_mve_head_t says what for */) {
  mf_exponential_t by = {0};
  mf_exponential(&by, lut, bias, head_dim, by_lut, exp_a, exp_b, exp_c, exp_d, exp_e);
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
        denom[r] = mf_mve_row_probabilities(&by, scores, p, top, visible, most);
      }
      mf_mve_context_2(
          &work, denom, y + (row * heads + head) * value_dim, heads * value_dim, two, most, sk,
          value_dim, out_mult, out_shift, out_round, out_zero, masked_value);
    }
  }
}

#endif
