/* SPDX-License-Identifier: Apache-2.0 */
/* Sum of two tensors, equation (8), on pairs of an element of each. y may be the buffer of a, or of
 * b where b_size == size. */
#ifndef MF_ADD_S8_DSP_H
#define MF_ADD_S8_DSP_H

#include "mf_eights_dsp.h"

/* Four sums from a word of each tensor: 18 instructions. */
#define MF_ADD_4(AT)                                              \
  "sxtb16 %[t], %[p]\n\t"                                     \
  "sxtb16 %[u], %[q]\n\t"                                     \
  "sxtb16 %[p], %[p], ror #8\n\t"                         \
  "sxtb16 %[q], %[q], ror #8\n\t"                         \
  "pkhbt %[v], %[t], %[u], lsl #16\n\t"                           \
  "pkhtb %[u], %[u], %[t], asr #16\n\t"                           \
  "pkhbt %[t], %[p], %[q], lsl #16\n\t"                   \
  "pkhtb %[q], %[q], %[p], asr #16\n\t"               \
  "smlad %[v], %[v], %[mult], %[add]\n\t"                         \
  "smlad %[t], %[t], %[mult], %[add]\n\t"                         \
  "smlad %[u], %[u], %[mult], %[add]\n\t"                         \
  "smlad %[q], %[q], %[mult], %[add]\n\t"                 \
  MF_PUT("v", AT) MF_PUT("t", AT + 1) MF_PUT("u", AT + 2) MF_PUT("q", AT + 3)

#define MF_ADD_OPERANDS [mult] "r"(mult), [add] "r"(add)

static inline void mf_add_s8_dsp(
    const int8_t *a,  /* [size] */
    const int8_t *b,  /* [b_size], repeated; b_size divides size */
    int8_t *y,        /* [size] */
    int32_t size, int32_t b_size, int32_t mult_a, int32_t mult_b, int32_t add, int32_t shift,
    void *scratch /* none */) {
  (void)scratch;
  for (int32_t start = 0; start < size; start += b_size, a += b_size, y += b_size) {
    int32_t i = 0;
#ifdef MF_EIGHTS
    const uint32_t mult = mf_pack(mult_a, mult_b);
    if (__builtin_constant_p(shift) && mult_a == (int16_t)mult_a && mult_b == (int16_t)mult_b) {
      MF_EIGHTS(a, b, y, b_size, MF_ADD_4, MF_ADD_OPERANDS, shift);
      i = b_size & ~7;
    }
#endif
    for (; i < b_size; i++) {
      y[i] = mf_clamp8((a[i] * mult_a + b[i] * mult_b + add) >> shift);
    }
  }
}

#endif
