/* SPDX-License-Identifier: Apache-2.0 */
/* The residual stream: operands that may be int16, and sums of them, equations (8r) and (14). */
#ifndef MF_RESIDUAL_H
#define MF_RESIDUAL_H

#include "mf_core.h"

/* `types` of a kernel: the sum of these. It is literal at the call, so that no test is left. */
#define MF_A_S16 1
#define MF_B_S16 2
#define MF_Y_S16 4

/* Element i of an int8 or int16 tensor. */
MF_INLINE int32_t mf_element(const void *x, int32_t i, int32_t is_s16) {
  return is_s16 ? ((const int16_t *)x)[i] : ((const int8_t *)x)[i];
}

/* Element i of a result, saturated to its type. */
MF_INLINE void mf_put(void *y, int32_t i, int32_t value, int32_t is_s16) {
  if (is_s16) {
    ((int16_t *)y)[i] = mf_clamp16(value);
  } else {
    ((int8_t *)y)[i] = mf_clamp8(value);
  }
}

/* (8r) of the elements begin to before end; b of b_size elements is repeated. */
MF_INLINE void mf_add_s16_part(
    const void *a, const void *b, void *y, int32_t begin, int32_t end, int32_t b_size,
    int32_t mult_a, int32_t mult_b, int32_t add, int32_t shift, int32_t types) {
  int32_t j = begin % b_size;
  for (int32_t i = begin; i < end; j = 0) {
    const int32_t stop = b_size - j < end - i ? i + b_size - j : end;
    for (; i < stop; i++, j++) {
      const int32_t term = mf_element(a, i, types & MF_A_S16) * mult_a;
      const int32_t sum = term + mf_element(b, j, types & MF_B_S16) * mult_b + add;
      mf_put(y, i, sum >> shift, types & MF_Y_S16);
    }
  }
}

/* (14) of the elements begin to before end. */
MF_INLINE void mf_requantize_s16_part(
    const int16_t *x, int8_t *y, int32_t begin, int32_t end, int32_t mult, int32_t add,
    int32_t shift) {
  for (int32_t i = begin; i < end; i++) {
    y[i] = mf_requantize(x[i], mult, add, shift);
  }
}

#endif
