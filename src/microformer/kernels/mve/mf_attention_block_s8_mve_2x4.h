/* SPDX-License-Identifier: Apache-2.0 */
/* Self-attention with its four projections, head by head, on vectors of sixteen bytes. */
#ifndef MF_ATTENTION_BLOCK_S8_MVE_2X4_H
#define MF_ATTENTION_BLOCK_S8_MVE_2X4_H

#include "mf_attention_block_mve.h"
#include "mf_attention_s8_mve_2x4.h"

/* One head. */
MF_PHASE void mf_mve_attend(
    const mf_mve_block_t *block, const uint8_t *lut, const int32_t *bias, int32_t rows,
    int32_t head_dim, int32_t value_dim, int32_t causal, int32_t by_lut, int32_t exp_a,
    int32_t exp_b, int32_t exp_c, int32_t exp_d, int32_t exp_e, int32_t out_mult,
    int32_t out_shift, int32_t out_round, int32_t out_zero, int32_t masked_value) {
  mf_attention_s8_mve_2x4(
      block->q, block->k, block->v, lut, bias, block->context, rows, rows, 1, 1, head_dim,
      value_dim, 0, causal, by_lut, exp_a, exp_b, exp_c, exp_d, exp_e, out_mult, out_shift,
      out_round, out_zero, masked_value, block->work);
}

static inline void mf_attention_block_s8_mve_2x4(
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
    void *restrict scratch /* mf_mve_block_t says what for */) {
  const mf_mve_block_t at = mf_mve_block_of(scratch, rows, n, head_dim, value_dim);
  const int32_t group = heads / kv_heads, wide = heads * value_dim;
  for (int32_t head = 0; head < heads; head++) {
    if (head % group == 0) {
      const int32_t i = head / group * head_dim, j = head / group * value_dim;
      mf_mve_project(x, at.work, wk + i * e, mk + i, ak + i, at.k, rows, e, head_dim, k_shift);
      mf_mve_project(x, at.work, wv + j * e, mv + j, av + j, at.v, rows, e, value_dim, v_shift);
    }
    const int32_t i = head * head_dim;
    mf_mve_project(x, at.work, wq + i * e, mq + i, aq + i, at.q, rows, e, head_dim, q_shift);
    mf_mve_attend(
        &at, lut, bias != NULL ? bias + head * bias_stride : NULL, rows, head_dim, value_dim,
        causal, by_lut, exp_a, exp_b, exp_c, exp_d, exp_e, out_mult, out_shift, out_round, out_zero,
        masked_value);
    mf_mve_accumulate(
        at.context, at.work, wo + head * value_dim, at.sums, rows, value_dim, n, wide, head == 0);
  }
  mf_mve_requantize_sums(at.sums, mo, ao, y, rows, n, o_shift);
}

#endif
