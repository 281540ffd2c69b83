/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of one row of attention, equations (3) and (4). */
#ifndef MF_ATTENTION_H
#define MF_ATTENTION_H

#include "mf_core.h"

/* A score, or an entry of the bias, that leaves its position out. */
#define MF_MASKED INT32_MIN

/* Scores of one query with the first `visible` keys, MF_MASKED where the bias leaves one out.
 * Returns the largest that is not left out, MF_MASKED if there is none. */
static inline int32_t mf_attention_scores(
    const int8_t *q,      /* [head_dim] */
    const int8_t *k,      /* [visible, k_stride], head_dim used */
    const int32_t *bias,  /* [visible] or NULL */
    int32_t *scores,      /* [visible] */
    int32_t visible, int32_t head_dim, int32_t k_stride) {
  int32_t top = MF_MASKED;
  for (int32_t j = 0; j < visible; j++) {
    int32_t score = bias != NULL ? bias[j] : 0;
    if (score != MF_MASKED) {
      const int8_t *key = k + j * k_stride;
      for (int32_t i = 0; i < head_dim; i++) {
        score += q[i] * key[i];
      }
      top = score > top ? score : top;
    }
    scores[j] = score;
  }
  return top;
}

/* Adds a row of the bias to its scores and leaves out what it masks; the largest that is left. */
static inline int32_t mf_bias_row(int32_t *scores, const int32_t *bias, int32_t visible) {
  int32_t top = MF_MASKED;
  for (int32_t j = 0; j < visible; j++) {
    scores[j] = bias[j] == MF_MASKED ? MF_MASKED : scores[j] + bias[j];
    top = scores[j] > top ? scores[j] : top;
  }
  return top;
}

/* The largest of the first `visible` scores. */
static inline int32_t mf_row_top(const int32_t *scores, int32_t visible) {
  int32_t top = scores[0];
  for (int32_t j = 1; j < visible; j++) {
    top = scores[j] > top ? scores[j] : top;
  }
  return top;
}

/* sums = p . v over the first `visible` keys, equation (3b). */
static inline void mf_attention_sums(
    const int32_t *p,  /* [visible], 0..255 */
    const int8_t *v,   /* [visible, v_stride], value_dim used */
    int32_t *sums,     /* [value_dim] */
    int32_t visible, int32_t value_dim, int32_t v_stride) {
  for (int32_t c = 0; c < value_dim; c++) {
    sums[c] = 0;
  }
  for (int32_t j = 0; j < visible; j++) {
    const int32_t weight = p[j];
    if (weight != 0) {
      const int8_t *value = v + j * v_stride;
      for (int32_t c = 0; c < value_dim; c++) {
        sums[c] += weight * value[c];
      }
    }
  }
}

/* Equation (3c): the row's one division; a row without visible keys gives masked_value. */
static inline void mf_attention_normalize(
    const int32_t *sums,  /* [value_dim] */
    int8_t *y,            /* [value_dim] */
    int32_t denom, int32_t value_dim, int32_t out_mult, int32_t out_shift, int32_t out_round,
    int32_t out_zero, int32_t masked_value) {
  if (denom == 0) {
    for (int32_t c = 0; c < value_dim; c++) {
      y[c] = (int8_t)masked_value;
    }
    return;
  }
  const int32_t n = mf_bit_length((uint32_t)denom) - 12; /* denom takes 12 bits */
  const int32_t right = n > 0 ? n : 0;
  const int32_t left = 1 << (n < 0 ? -n : 0);
  const int32_t reciprocal = (int32_t)((uint32_t)out_mult / (uint32_t)((denom >> right) * left));
  for (int32_t c = 0; c < value_dim; c++) {
    const int32_t total = (sums[c] >> right) * left;
    y[c] = mf_clamp8_offset((total * reciprocal + out_round) >> out_shift, out_zero);
  }
}

#endif
