/* SPDX-License-Identifier: Apache-2.0 */
/* Self-attention with its four projections on a cluster, equations (1) to (4). */
#ifndef MF_ATTENTION_BLOCK_S8_XPULP_4X4_H
#define MF_ATTENTION_BLOCK_S8_XPULP_4X4_H

#include "mf_attention_block_xpulp.h"

static inline void mf_attention_block_s8_xpulp_4x4(
    const int8_t *restrict x,        /* [rows, e] */
    const int32_t *restrict wq,      /* all panels of the layer (mf_attention_block_xpulp.h) */
    const int32_t *restrict mq, const int32_t *restrict aq, /* NULL, as are the next nine */
    const int8_t *restrict wk, const int32_t *restrict mk, const int32_t *restrict ak,
    const int8_t *restrict wv, const int32_t *restrict mv, const int32_t *restrict av,
    const int8_t *restrict wo, const int32_t *restrict mo, const int32_t *restrict ao,
    const uint8_t *restrict lut,     /* [256], or NULL */
    const int32_t *restrict bias,    /* [rows, rows], one a head bias_stride apart, or NULL */
    int8_t *restrict y,              /* [rows, n] */
    int32_t rows, int32_t e, int32_t n, int32_t q_shift, int32_t k_shift, int32_t v_shift,
    int32_t o_shift, int32_t heads, int32_t kv_heads, int32_t head_dim, int32_t value_dim,
    int32_t bias_stride, int32_t causal, int32_t by_lut, int32_t exp_a, int32_t exp_b,
    int32_t exp_c, int32_t exp_d, int32_t exp_e, int32_t out_mult, int32_t out_shift,
    int32_t out_round, int32_t out_zero, int32_t masked_value, void *restrict scratch /* mf_attention_block_xpulp says what for */) {
  (void)mq, (void)aq, (void)wk, (void)mk, (void)ak, (void)wv, (void)mv, (void)av;
  (void)wo, (void)mo, (void)ao;
  mf_exponential_t exponential = {0};
  mf_exponential(&exponential, lut, bias, head_dim, by_lut, exp_a, exp_b, exp_c, exp_d, exp_e);
  mf_attend_t op = {
      exponential, rows, (head_dim + 3) >> 2, (value_dim + 3) >> 2, causal, out_mult, out_shift,
      out_round, out_zero, masked_value};
  mf_fold_zero(&op);
  const int32_t shifts[4] = {q_shift, k_shift, v_shift, o_shift};
  mf_attention_block_xpulp(
      x, wq, by_lut ? lut : NULL, bias, y, rows, e, n, shifts, heads, kv_heads, head_dim, value_dim, bias_stride,
      &op, scratch);
}

#endif
