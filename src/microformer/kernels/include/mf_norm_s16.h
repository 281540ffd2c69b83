/* SPDX-License-Identifier: Apache-2.0 */
/* Row scaling of equation (7r): deviations of 31 bits lose g bits, the inverse square root none. */
#ifndef MF_NORM_S16_H
#define MF_NORM_S16_H

#include "mf_norm.h"
#include "mf_residual.h"

/* What turns a deviation u of a row into h = (((u + half) >> g) scale + round) >> shift. */
typedef struct {
  int32_t half;
  int32_t g;
  int32_t scale;
  int32_t round;
  int32_t shift;
} mf_norm_s16_t;

/* spread = D >= 1 of a row of n values; frac = F. */
static inline mf_norm_s16_t mf_norm_s16(uint64_t spread, int32_t n, int32_t frac) {
  const int32_t half_bits = (mf_bit_length((uint32_t)n - 1u) + 1) >> 1;
  const int32_t e = (32 - mf_bit_length64(spread)) >> 1; /* floor, may be negative */
  const uint64_t normal = e >= 0 ? spread << (2 * e) : spread >> (-2 * e);
  const int32_t g = half_bits + 1 > e ? half_bits + 1 - e : 0;
  const int32_t shift = 31 - e - frac - g;
  const mf_norm_s16_t norm = {
      (1 << g) >> 1, g, (int32_t)mf_rsqrt((uint32_t)normal), 1 << (shift - 1), shift};
  return norm;
}

/* Equations (7r) and (7d) of a row whose deviations are u_i = n x_i - offset. */
MF_INLINE void mf_norm_s16_row(
    const void *x, const int32_t *mult, const int32_t *add, void *y, int32_t start, int32_t n,
    int32_t offset, mf_norm_s16_t norm, int32_t shift, int32_t types) {
  for (int32_t i = 0; i < n; i++) {
    const int32_t u = n * mf_element(x, start + i, types & MF_A_S16) - offset;
    const int32_t h = (((u + norm.half) >> norm.g) * norm.scale + norm.round) >> norm.shift;
    mf_put(y, start + i, (h * mult[i] + add[i]) >> shift, types & MF_Y_S16);
  }
}

/* LayerNorm of the rows begin to before end. */
MF_INLINE void mf_layernorm_s16_rows(
    const void *x, const int32_t *mult, const int32_t *add, void *y, int32_t begin, int32_t end,
    int32_t n, uint64_t eps, int32_t frac, int32_t shift, int32_t types) {
  for (int32_t start = begin * n; start < end * n; start += n) {
    int32_t sum = 0;
    uint64_t squares = 0;
    for (int32_t i = 0; i < n; i++) {
      const int32_t value = mf_element(x, start + i, types & MF_A_S16);
      sum += value;
      squares += (uint32_t)(value * value);
    }
    const uint64_t sum_squared = (uint64_t)((int64_t)sum * sum);
    const uint64_t spread = (uint64_t)(uint32_t)n * squares - sum_squared + eps;
    const mf_norm_s16_t norm = mf_norm_s16(spread, n, frac);
    mf_norm_s16_row(x, mult, add, y, start, n, sum, norm, shift, types);
  }
}

/* RMSNorm of the rows begin to before end. An int16 x has no zero point. */
MF_INLINE void mf_rmsnorm_s16_rows(
    const void *x, const int32_t *mult, const int32_t *add, void *y, int32_t begin, int32_t end,
    int32_t n, uint64_t eps, int32_t frac, int32_t shift, int32_t zero_point, int32_t types) {
  for (int32_t start = begin * n; start < end * n; start += n) {
    uint64_t squares = 0;
    for (int32_t i = 0; i < n; i++) {
      const int32_t value = mf_element(x, start + i, types & MF_A_S16) - zero_point;
      squares += (uint32_t)(value * value);
    }
    const mf_norm_s16_t norm = mf_norm_s16((uint64_t)(uint32_t)n * squares + eps, n, frac);
    mf_norm_s16_row(x, mult, add, y, start, n, n * zero_point, norm, shift, types);
  }
}

#endif
