/* SPDX-License-Identifier: Apache-2.0 */
/* Product of two tensors, equation (9), on pairs of elements less their zero points. y may be the
 * buffer of a, or of b where b_size == size. */
#ifndef MF_MUL_S8_DSP_H
#define MF_MUL_S8_DSP_H

#include "mf_eights_dsp.h"

/* Four products from a word of each tensor: 20 instructions. */
#define MF_MUL_4(AT)                                              \
  "sxtab16 %[t], %[za], %[p]\n\t"                             \
  "sxtab16 %[u], %[zb], %[q]\n\t"                             \
  "sxtab16 %[p], %[za], %[p], ror #8\n\t"                 \
  "sxtab16 %[q], %[zb], %[q], ror #8\n\t"                 \
  "smulbb %[v], %[t], %[u]\n\t"                                   \
  "smultt %[u], %[t], %[u]\n\t"                                   \
  "smulbb %[t], %[p], %[q]\n\t"                           \
  "smultt %[q], %[p], %[q]\n\t"                       \
  "mla %[v], %[v], %[mult], %[add]\n\t"                           \
  "mla %[t], %[t], %[mult], %[add]\n\t"                           \
  "mla %[u], %[u], %[mult], %[add]\n\t"                           \
  "mla %[q], %[q], %[mult], %[add]\n\t"                   \
  MF_PUT("v", AT) MF_PUT("t", AT + 1) MF_PUT("u", AT + 2) MF_PUT("q", AT + 3)

#define MF_MUL_OPERANDS [mult] "r"(mult), [add] "r"(add), [za] "r"(za), [zb] "r"(zb)

static inline void mf_mul_s8_dsp(
    const int8_t *a,  /* [size] */
    const int8_t *b,  /* [b_size], repeated; b_size divides size */
    int8_t *y,        /* [size] */
    int32_t size, int32_t b_size, int32_t zero_a, int32_t zero_b, int32_t mult, int32_t add,
    int32_t shift, void *scratch /* none */) {
  (void)scratch;
  for (int32_t start = 0; start < size; start += b_size, a += b_size, y += b_size) {
    int32_t i = 0;
#ifdef MF_EIGHTS
    const uint32_t za = mf_pack(-zero_a, -zero_a), zb = mf_pack(-zero_b, -zero_b);
    if (__builtin_constant_p(shift)) {
      MF_EIGHTS(
          a, b, y, b_size, MF_MUL_4, MF_MUL_OPERANDS, shift);
      i = b_size & ~7;
    }
#endif
    for (; i < b_size; i++) {
      const int32_t product = (a[i] - zero_a) * (b[i] - zero_b);
      y[i] = mf_requantize(product, mult, add, shift);
    }
  }
}

#endif
