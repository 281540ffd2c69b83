/* SPDX-License-Identifier: Apache-2.0 */
/* Sum of two tensors, equation (8). y may be the buffer of a, or of b where b_size == size. */
#ifndef MF_ADD_S8_REF_H
#define MF_ADD_S8_REF_H

#include "mf_core.h"

static inline void mf_add_s8_ref(
    const int8_t *a,  /* [size] */
    const int8_t *b,  /* [b_size], repeated; b_size divides size */
    int8_t *y,        /* [size] */
    int32_t size, int32_t b_size, int32_t mult_a, int32_t mult_b, int32_t add, int32_t shift,
    void *scratch /* none */) {
  (void)scratch;
  for (int32_t start = 0; start < size; start += b_size) {
    for (int32_t i = 0; i < b_size; i++) {
      y[i] = mf_clamp8((a[i] * mult_a + b[i] * mult_b + add) >> shift);
    }
    a += b_size;
    y += b_size;
  }
}

#endif
