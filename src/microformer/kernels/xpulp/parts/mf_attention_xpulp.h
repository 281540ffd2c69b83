/* SPDX-License-Identifier: Apache-2.0 */
/* Four query rows of one head on one core, equations (3) and (4): scores, probabilities, context.
 *
 * Keys lie in panels of four keys, values in panels of four channels by words of four keys, both an
 * odd number of words apart. Scores and probabilities of four rows are all that is ever kept. */
#ifndef MF_ATTENTION_XPULP_H
#define MF_ATTENTION_XPULP_H

#include "mf_attention.h"
#include "mf_cluster.h"
#include "mf_quotient.h"
#include "mf_rows_xpulp.h"
#include "mf_run_xpulp.h"
#include "mf_scores_xpulp.h"

/* What is the same for all rows and heads. */
typedef struct {
  mf_exponential_t exponential;
  int32_t sk;
  int32_t key_words;   /* of a key */
  int32_t value_quads; /* panels of a head's values */
  int32_t causal;
  int32_t out_mult;
  int32_t out_shift;
  int32_t out_round;
  int32_t out_zero;
  int32_t masked_value;
} mf_attend_t;

/* Moves the zero point into the rounding constant where the sum before the shift keeps 31 bits
 * (the bound of docs/arithmetic.md, (3c)): an instruction a result less. */
MF_INLINE void mf_fold_zero(mf_attend_t *op) {
  const int64_t folded = op->out_round + (int64_t)op->out_zero * ((int64_t)1 << op->out_shift);
  const int64_t size = folded < 0 ? -folded : folded;
  if (128 * (int64_t)op->out_mult + op->out_mult / 16 + 1 + size < INT32_MAX) {
    op->out_round = (int32_t)folded, op->out_zero = 0;
  }
}

/* Words of L1 of one panel of keys, of one of values; of a core's scores, probabilities, bias. */
MF_INLINE int32_t mf_key_panel(int32_t key_words) { return 4 * key_words + 1; }
MF_INLINE int32_t mf_value_panel(int32_t sk) { return 4 * ((sk + 3) >> 2) + 1; }
MF_INLINE int32_t mf_score_words(int32_t sk) { return ((sk + 3) & ~3) | 1; }
MF_INLINE int32_t mf_core_words(int32_t sk, int32_t biased) {
  return 4 * (mf_score_words(sk) + (((sk + 3) >> 2) | 1) + (biased ? sk : 0));
}

/* Heads of keys at a time: enough (head, four rows) for eight cores. */
MF_INLINE int32_t mf_head_group(int32_t rows, int32_t heads, int32_t kv_heads) {
  const int32_t units = heads / kv_heads * ((rows + 3) >> 2), wanted = (7 + units) / units;
  return wanted < kv_heads ? wanted : kv_heads;
}

/* Context of four rows of queries to y, a word of four channels after the other; `count` of the
 * rows are there. `row` is the first one's number, `bias` its entries or NULL, `work` the core's. */
MF_PHASE void mf_attend(
    const mf_attend_t *op, const int8_t *q, int32_t q_stride, const int32_t *keys,
    const int32_t *values, const int32_t *bias, int8_t *y, int32_t y_pitch, int32_t row,
    int32_t count, int32_t *work) {
  const int32_t sk = op->sk, pitch = mf_score_words(sk), p_words = ((sk + 3) >> 2) | 1;
  int32_t *const scores = work, *const p = scores + 4 * pitch, *const l1_bias = p + 4 * p_words;
  const int32_t most = op->causal && row + count < sk ? row + count : sk;
  const int32_t quads = (most + 3) >> 2;
  int32_t copy = 0;
  if (bias != NULL && !mf_is_in_l1(bias)) {
    copy = mf_copy_rows(l1_bias, bias, 4 * sk * count, 1, 0, 0);
  }
  mf_run_t run = {
      q, q_stride, 0, keys, mf_key_panel(op->key_words), op->key_words, (int8_t *)scores,
      4 * pitch, 16, quads};
  mf_run_sums(&run);
  if (bias != NULL && !mf_is_in_l1(bias)) {
    mf_copied(copy);
    bias = l1_bias;
  }
  mf_normal_t normal = {{0, 0, 0, 0}, {0, 0, 0, 0}, op->out_shift, op->out_round, op->out_zero};
  int32_t empty = 0;
  for (int32_t r = 0; r < 4; r++) { /* rows that are not there are worth nothing */
    int32_t *const line = scores + r * pitch;
    const int32_t seen = op->causal && row + r + 1 < most ? row + r + 1 : most;
    const int32_t visible = r < count ? seen : 0;
    int32_t top = 0;
    if (visible > 0) {
      top = bias != NULL ? mf_bias_row(line, bias + r * sk, visible) : mf_top(line, visible);
    }
    const int32_t denom =
        mf_row_probabilities(&op->exponential, line, p + r * p_words, top, visible, quads);
    const mf_quotient_t quotient =
        mf_quotient_of(denom, denom > 0 ? mf_bits((uint32_t)denom) : 0, op->out_mult);
    normal.right[r] = quotient.right, normal.factor[r] = quotient.factor;
    empty |= quotient.empty << r;
  }
  run.rows = (const int8_t *)p, run.stride = 4 * p_words;
  run.columns = values, run.column_step = mf_value_panel(sk), run.words = quads;
  run.y = y, run.pitch = y_pitch, run.y_step = 4, run.count = op->value_quads;
  mf_run_context(&run, &normal);
  for (int32_t r = 0; empty != 0 && r < count; r++) {
    for (int32_t c = 0; (empty >> r & 1) && c < 4 * op->value_quads; c++) {
      y[r * y_pitch + c] = (int8_t)op->masked_value;
    }
  }
}

#endif
