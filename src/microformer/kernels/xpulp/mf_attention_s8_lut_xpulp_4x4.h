/* Multi-head attention on a cluster, four query rows at a time, equations (3). */
#ifndef MF_ATTENTION_S8_LUT_XPULP_4X4_H
#define MF_ATTENTION_S8_LUT_XPULP_4X4_H

#include "mf_attention_rows_xpulp.h"

static inline void mf_attention_s8_lut_xpulp_4x4(
    const int8_t *restrict q,      /* [sq, heads * head_dim], zero point 0 */
    const int8_t *restrict k,      /* [sk, kv_heads * head_dim] */
    const int8_t *restrict v,      /* [sk, kv_heads * value_dim] */
    const uint8_t *restrict lut,   /* [256] */
    const int32_t *restrict bias,  /* [sq, sk], one a head bias_stride apart, or NULL */
    int8_t *restrict y,            /* [sq, heads * value_dim] */
    int32_t sq, int32_t sk, int32_t heads, int32_t kv_heads, int32_t head_dim, int32_t value_dim,
    int32_t bias_stride, int32_t causal, int32_t score_mult, int32_t score_shift,
    int32_t out_mult, int32_t out_shift, int32_t out_round, int32_t out_zero,
    int32_t masked_value, void *restrict scratch /* mf_attention_rows_xpulp says what for */) {
  const mf_lut_t table = mf_lut(lut, score_mult, score_shift);
  const mf_exponential_t exponential = {
      .lut = table, .by_table = 1, .safe = bias == NULL && 2 * head_dim * 16384 <= table.limit};
  mf_attend_t op = {
      exponential, sk, (head_dim + 3) >> 2, (value_dim + 3) >> 2, causal, out_mult, out_shift,
      out_round, out_zero, masked_value};
  mf_fold_zero(&op);
  mf_attention_rows_xpulp(
      q, k, v, lut, bias, y, sq, heads, head_dim, value_dim, kv_heads, bias_stride, &op, scratch);
}

#endif
