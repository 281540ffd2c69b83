/* SPDX-License-Identifier: Apache-2.0 */
/* Multi-head attention on a cluster, four query rows at a time, equations (3) and (4). */
#ifndef MF_ATTENTION_S8_XPULP_4X4_H
#define MF_ATTENTION_S8_XPULP_4X4_H

#include "mf_attention_rows_xpulp.h"

static inline void mf_attention_s8_xpulp_4x4(
    const int8_t *restrict q,      /* [sq, heads * head_dim], zero point 0 */
    const int8_t *restrict k,      /* [sk, kv_heads * head_dim] */
    const int8_t *restrict v,      /* [sk, kv_heads * value_dim] */
    const uint8_t *restrict lut,   /* [256], or NULL */
    const int32_t *restrict bias,  /* [sq, sk], one a head bias_stride apart, or NULL */
    int8_t *restrict y,            /* [sq, heads * value_dim] */
    int32_t sq, int32_t sk, int32_t heads, int32_t kv_heads, int32_t head_dim, int32_t value_dim,
    int32_t bias_stride, int32_t causal, int32_t by_lut, int32_t exp_a, int32_t exp_b,
    int32_t exp_c, int32_t exp_d, int32_t exp_e, int32_t out_mult, int32_t out_shift,
    int32_t out_round, int32_t out_zero, int32_t masked_value, void *restrict scratch /* mf_attention_rows_xpulp says what for */) {
  mf_exponential_t exponential = {0};
  mf_exponential(&exponential, lut, bias, head_dim, by_lut, exp_a, exp_b, exp_c, exp_d, exp_e);
  mf_attend_t op = {
      exponential, sk, (head_dim + 3) >> 2, (value_dim + 3) >> 2, causal, out_mult, out_shift,
      out_round, out_zero, masked_value};
  mf_fold_zero(&op);
  mf_attention_rows_xpulp(
      q, k, v, by_lut ? lut : NULL, bias, y, sq, heads, head_dim, value_dim, kv_heads, bias_stride, &op, scratch);
}

#endif
