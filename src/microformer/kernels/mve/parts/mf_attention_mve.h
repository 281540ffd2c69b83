/* SPDX-License-Identifier: Apache-2.0 */
/* Attention on vectors of sixteen bytes: the parts of one head, (3) and (4).
 *
 * Two query rows at a time, scores of two rows, never S x S. VMLADAV multiplies only bytes of one
 * sign, and probabilities have none: values are kept with the top bit flipped, v + 128, and
 * 128 denom is subtracted from the sum, which is exact. */
#ifndef MF_ATTENTION_MVE_H
#define MF_ATTENTION_MVE_H

#include "mf_attention.h"
#include "mf_mve.h"
#include "mf_quotient.h"

/* Working memory of one head. */
typedef struct {
  int8_t *keys;    /* [ceil(sk / 4), padded(head_dim) / 16, 4, 16] */
  int8_t *values;  /* [ceil(value_dim / 4), padded(sk) / 16, 4, 16], uint8 */
  int8_t *p;       /* [2, padded(sk)], uint8 */
  int32_t *scores; /* [2, padded(sk)] */
} mf_mve_head_t;

static inline mf_mve_head_t mf_mve_head(
    void *scratch, int32_t sk, int32_t head_dim, int32_t value_dim) {
  mf_mve_head_t head;
  head.scores = (int32_t *)scratch;
  head.p = (int8_t *)(head.scores + 2 * mf_padded(sk));
  head.keys = head.p + 2 * mf_padded(sk);
  head.values = head.keys + ((sk + 3) >> 2) * 4 * mf_padded(head_dim);
  (void)value_dim;
  return head;
}

MF_INLINE void mf_mve_keys(
    const mf_mve_head_t *head, const int8_t *k /* [sk, stride] */, int32_t sk, int32_t head_dim,
    int32_t stride) {
  for (int32_t j = 0; j < sk; j += 4) {
    mf_mve_panel(
        k + j * stride, head->keys + j * mf_padded(head_dim), head_dim, stride, sk - j);
  }
}

/* Values to uint8, channel by channel; behind the last key anything will do: p = 0. */
MF_INLINE void mf_mve_values(
    const mf_mve_head_t *head, const int8_t *v /* [sk, stride] */, int32_t sk, int32_t value_dim,
    int32_t stride) {
  const int32_t padded = mf_padded(sk);
  for (int32_t c = 0; c < value_dim; c++) {
    int8_t *to = head->values + (c >> 2) * 4 * padded + 16 * (c & 3);
    const int8_t *from = v + c;
    for (int32_t j = 0; j < sk; j++, from += stride) {
      to[(j >> 4) * 64 + (j & 15)] = (int8_t)(*from ^ -128);
    }
  }
}

/* Scores of two rows with the first `visible` keys. */
MF_INLINE void mf_mve_scores_2(
    const mf_mve_head_t *head, const int8_t *first, const int8_t *second, int32_t visible,
    int32_t head_dim, int32_t pitch) {
  const int8_t *panel = head->keys;
  int32_t *to = head->scores;
  for (int32_t j = 0; j < visible; j += 4, panel += 4 * mf_padded(head_dim), to += 4) {
    int32_t sums[8];
    mf_mve_dot_2x4(first, second, panel, head_dim, 1, sums);
    for (int32_t i = 0; i < 4; i++) { /* a repeated key's score is never read */
      to[i] = sums[i];
      to[pitch + i] = sums[4 + i];
    }
  }
}

/* The largest of the first `visible` scores. */
MF_INLINE int32_t mf_mve_top(const int32_t *scores, int32_t visible) {
#if MF_HAS_MVE
  int32_t top = INT32_MIN;
  for (int32_t j = visible; j > 0; j -= 4, scores += 4) {
    const mve_pred16_t lanes = vctp32q((uint32_t)j);
    top = vmaxvq_p_s32(top, vldrwq_z_s32(scores, lanes), lanes);
  }
  return top;
#else
  return mf_row_top(scores, visible);
#endif
}

/* One result row of (3c): `width` channels. */
MF_INLINE void mf_mve_context(
    const int32_t sums[4], mf_quotient_t q, int32_t denom, int8_t *to, int32_t width,
    int32_t out_shift, int32_t out_round, int32_t out_zero, int32_t masked_value) {
#if MF_HAS_MVE
  if (!q.empty && out_zero > -(1 << 30) && out_zero < 1 << 30) {
    const int32x4_t raw = {sums[0], sums[1], sums[2], sums[3]};
    const int32x4_t total = vshlq_r_s32(vsubq_n_s32(raw, 128 * denom), -q.right);
    const int32x4_t scaled = vaddq_n_s32(vmulq_n_s32(total, q.factor), out_round);
    const int32x4_t value = vaddq_n_s32(vshlq_r_s32(scaled, -out_shift), out_zero);
    const int32x4_t low = vmaxq_s32(value, vdupq_n_s32(-128));
    const int32x4_t byte = vminq_s32(low, vdupq_n_s32(127));
    vstrbq_p_s32(to, byte, vctp32q((uint32_t)width));
    return;
  }
#endif
  for (int32_t c = 0; c < width; c++) {
    const int32_t sum = sums[c] - 128 * denom;
    const int32_t value = mf_context(sum, q, out_shift, out_round, out_zero);
    to[c] = (int8_t)(q.empty ? masked_value : value);
  }
}

/* p v of two rows, normalised, to y and y + y_stride (the second only if `two`). */
MF_INLINE void mf_mve_context_2(
    const mf_mve_head_t *head, const int32_t denom[2], int8_t *y, int32_t y_stride, int32_t two,
    int32_t visible, int32_t sk, int32_t value_dim, int32_t out_mult, int32_t out_shift,
    int32_t out_round, int32_t out_zero, int32_t masked_value) {
  const mf_quotient_t q[2] = {mf_quotient(denom[0], out_mult), mf_quotient(denom[1], out_mult)};
  const int8_t *panel = head->values;
  for (int32_t c = 0; c < value_dim; c += 4, panel += 4 * mf_padded(sk)) {
    const int32_t width = value_dim - c < 4 ? value_dim - c : 4;
    int32_t sums[8];
    mf_mve_dot_2x4(head->p, head->p + mf_padded(sk), panel, mf_padded(visible), 0, sums);
    for (int32_t r = 0; r < 1 + two; r++) {
      mf_mve_context(
          sums + 4 * r, q[r], denom[r], y + r * y_stride + c, width, out_shift, out_round,
          out_zero, masked_value);
    }
  }
}

#endif
