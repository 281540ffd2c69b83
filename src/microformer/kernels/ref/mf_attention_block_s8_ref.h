/* SPDX-License-Identifier: Apache-2.0 */
/* Self-attention with its four projections: the reference, one step after the other. */
#ifndef MF_ATTENTION_BLOCK_S8_REF_H
#define MF_ATTENTION_BLOCK_S8_REF_H

#include "mf_attention_s8_ref.h"
#include "mf_linear_s8_ref.h"

static inline void mf_attention_block_s8_ref(
    const int8_t *restrict x,        /* [rows, e] */
    const int8_t *restrict wq,       /* [heads * head_dim, e], zero point of the result 0 */
    const int32_t *restrict mq, const int32_t *restrict aq,
    const int8_t *restrict wk,       /* [kv_heads * head_dim, e] */
    const int32_t *restrict mk, const int32_t *restrict ak,
    const int8_t *restrict wv,       /* [kv_heads * value_dim, e] */
    const int32_t *restrict mv, const int32_t *restrict av,
    const int8_t *restrict wo,       /* [n, heads * value_dim] */
    const int32_t *restrict mo, const int32_t *restrict ao,
    const uint8_t *restrict lut,     /* [256], or NULL */
    const int32_t *restrict bias,    /* [rows, rows], one a head bias_stride apart, or NULL */
    int8_t *restrict y,              /* [rows, n] */
    int32_t rows, int32_t e, int32_t n, int32_t q_shift, int32_t k_shift, int32_t v_shift,
    int32_t o_shift, int32_t heads, int32_t kv_heads, int32_t head_dim, int32_t value_dim,
    int32_t bias_stride, int32_t causal, int32_t by_lut, int32_t exp_a, int32_t exp_b,
    int32_t exp_c, int32_t exp_d, int32_t exp_e, int32_t out_mult, int32_t out_shift,
    int32_t out_round, int32_t out_zero, int32_t masked_value,
    void *restrict scratch /* q, k, v, context, then that of the attention */) {
  const int32_t wide = heads * head_dim, kv_wide = kv_heads * head_dim;
  const int32_t v_wide = kv_heads * value_dim, c_wide = heads * value_dim;
  const int32_t bytes = rows * (wide + kv_wide + v_wide + c_wide);
  int8_t *q = (int8_t *)scratch, *k = q + rows * wide, *v = k + rows * kv_wide;
  int8_t *context = v + rows * v_wide;
  mf_linear_s8_ref(x, wq, mq, aq, NULL, q, rows, e, wide, q_shift, NULL);
  mf_linear_s8_ref(x, wk, mk, ak, NULL, k, rows, e, kv_wide, k_shift, NULL);
  mf_linear_s8_ref(x, wv, mv, av, NULL, v, rows, e, v_wide, v_shift, NULL);
  mf_attention_s8_ref(
      q, k, v, lut, bias, context, rows, rows, heads, kv_heads, head_dim, value_dim, bias_stride,
      causal, by_lut, exp_a, exp_b, exp_c, exp_d, exp_e, out_mult, out_shift, out_round, out_zero,
      masked_value,
      q + ((bytes + 7) & ~7));
  mf_linear_s8_ref(context, wo, mo, ao, NULL, y, rows, c_wide, n, o_shift, NULL);
}

#endif
