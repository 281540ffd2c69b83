/* SPDX-License-Identifier: Apache-2.0 */
/* The one division of a row of attention and what follows it, equation (3c). */
#ifndef MF_QUOTIENT_H
#define MF_QUOTIENT_H

#include "mf_dsp.h"

/* What (3c) needs of a row's denominator: y = ((sum >> right) * factor + out_round) >> out_shift. */
typedef struct {
  int32_t right;
  int32_t factor; /* R, shifted left where the denominator has less than 12 bits */
  int32_t empty;  /* no visible key */
} mf_quotient_t;

/* `bits` is the bit length of denom. */
static inline mf_quotient_t mf_quotient_of(int32_t denom, int32_t bits, int32_t out_mult) {
  mf_quotient_t q = {0, 0, denom == 0};
  if (denom != 0) {
    const int32_t n = bits - 12;
    const int32_t left = n < 0 ? -n : 0;
    q.right = n > 0 ? n : 0;
    q.factor = (int32_t)((uint32_t)out_mult / ((uint32_t)(denom >> q.right) << left) << left);
  }
  return q;
}

static inline mf_quotient_t mf_quotient(int32_t denom, int32_t out_mult) {
  return mf_quotient_of(denom, mf_bit_length((uint32_t)denom), out_mult);
}

/* One result of (3c). A zero point that is far out is added with saturation. */
static inline int32_t mf_context(
    int32_t sum, mf_quotient_t q, int32_t out_shift, int32_t out_round, int32_t out_zero) {
  const int32_t value = ((sum >> q.right) * q.factor + out_round) >> out_shift;
  if (out_zero > -(1 << 30) && out_zero < 1 << 30) {
    return mf_clamp_s8(value + out_zero); /* |value| <= 2^30, as out_shift >= 1 */
  }
  return mf_clamp8_offset(value, out_zero);
}

#endif
