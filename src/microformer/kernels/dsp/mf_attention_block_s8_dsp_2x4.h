/* SPDX-License-Identifier: Apache-2.0 */
/* Self-attention with its four projections, head by head, on pairs of int16, (1) to (4). */
#ifndef MF_ATTENTION_BLOCK_S8_DSP_2X4_H
#define MF_ATTENTION_BLOCK_S8_DSP_2X4_H

#include "mf_attention_block_dsp.h"

/* One head: scores, probabilities and context of all rows; the context replaces the queries. */
MF_PHASE void mf_dsp_attend(
    const mf_block_t *block, const uint8_t *lut, int32_t by_lut, int32_t exp_a, int32_t exp_b,
    int32_t exp_c, int32_t exp_d, int32_t exp_e, const int32_t *bias, int32_t rows,
    int32_t head_dim, int32_t value_dim, int32_t causal, int32_t out_mult, int32_t out_shift,
    int32_t out_round, int32_t out_zero, int32_t masked_value) {
  mf_exponential_t by = {0};
  mf_exponential(&by, lut, bias, head_dim, by_lut, exp_a, exp_b, exp_c, exp_d, exp_e);
  mf_head_t work = block->head;
  const int32_t pitch = (rows + 3) & ~3, words = mf_query_words(head_dim, value_dim);
  work.key_words = mf_words(head_dim);
  work.value_words = mf_words(rows);
  work.query = block->queries;
  for (int32_t row = 0; row < rows; row += 2, work.query += 2 * words) {
    const int32_t two = row + 1 < rows;
    const int32_t most = causal ? row + 1 + two : rows;
    int32_t top[2];
    mf_scores_2(&work, most, pitch, top);
    mf_quotient_t quotient[2];
    for (int32_t r = 0; r < 2; r++) {
      int32_t *scores = work.scores + r * pitch;
      const int32_t visible = causal && row + 1 + r < most ? row + 1 + r : most;
      if (bias != NULL) {
        top[r] = mf_bias_row(scores, bias + (row + r * two) * rows, visible);
      } else if (causal) {
        top[r] = mf_row_top(scores, visible);
      }
      const int32_t denom = mf_dsp_row_probabilities(&by, scores, work.p + r, top[r], visible, most, by.safe);
      quotient[r] = mf_quotient(denom, out_mult);
    }
    mf_context_pairs(
        &work, quotient, work.query, mf_words(most), value_dim, out_shift, out_round, out_zero,
        masked_value);
  }
}

static inline void mf_attention_block_s8_dsp_2x4(
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
    void *restrict scratch /* mf_block_t says what for */) {
  const mf_block_t block = mf_block(scratch, rows, e, n, head_dim, value_dim);
  const int32_t group = heads / kv_heads, pairs = (rows + 1) >> 1, quads = (rows + 3) >> 2;
  mf_spread_rows(&block, x, rows, e);
  for (int32_t head = 0; head < heads; head++) {
    if (head % group == 0) {
      const int32_t i = head / group * head_dim, j = head / group * value_dim;
      const mf_projection_t by_k = {wk + i * e, mk + i, ak + i};
      const mf_projection_t by_v = {wv + j * e, mv + j, av + j};
      mf_project_keys(block.x, block.panel, block.head.keys, by_k, quads, e, head_dim, k_shift);
      mf_project_values(block.x, block.panel, block.head.values, by_v, quads, e, value_dim, v_shift);
    }
    const int32_t i = head * head_dim;
    const mf_projection_t by_q = {wq + i * e, mq + i, aq + i};
    const mf_projection_t by_o = {wo + head * value_dim, mo, ao};
    mf_project_queries(block.x, block.panel, block.queries, by_q, pairs, e, head_dim, value_dim, q_shift);
    mf_dsp_attend(
        &block, lut, by_lut, exp_a, exp_b, exp_c, exp_d, exp_e,
        bias != NULL ? bias + head * bias_stride : NULL, rows, head_dim, value_dim, causal,
        out_mult, out_shift, out_round, out_zero, masked_value);
    mf_project_output(
        block.queries, block.panel, block.sums, by_o, pairs, head_dim, value_dim, n,
        heads * value_dim, head == 0);
  }
  const mf_projection_t by_sums = {wo, mo, ao};
  mf_requantize_sums(block.sums, by_sums, y, rows, n, o_shift);
}

#endif
