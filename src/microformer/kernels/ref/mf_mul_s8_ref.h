/* SPDX-License-Identifier: Apache-2.0 */
/* Product of two tensors, equation (9). y may be the buffer of a, or of b where b_size == size. */
#ifndef MF_MUL_S8_REF_H
#define MF_MUL_S8_REF_H

#include "mf_core.h"

static inline void mf_mul_s8_ref(
    const int8_t *a,  /* [size] */
    const int8_t *b,  /* [b_size], repeated; b_size divides size */
    int8_t *y,        /* [size] */
    int32_t size, int32_t b_size, int32_t zero_a, int32_t zero_b, int32_t mult, int32_t add,
    int32_t shift, void *scratch /* none */) {
  (void)scratch;
  for (int32_t start = 0; start < size; start += b_size) {
    for (int32_t i = 0; i < b_size; i++) {
      const int32_t product = (a[i] - zero_a) * (b[i] - zero_b);
      y[i] = mf_requantize(product, mult, add, shift);
    }
    a += b_size;
    y += b_size;
  }
}

#endif
