/* SPDX-License-Identifier: Apache-2.0 */
/* Product of two tensors, equation (9). y may be the buffer of a, or of b where b_size == size. */
#ifndef MF_MUL_S8_XPULP_H
#define MF_MUL_S8_XPULP_H

#include "mf_binary_xpulp.h"

static inline void mf_mul_s8_xpulp(
    const int8_t *a,  /* [size] */
    const int8_t *b,  /* [b_size], repeated; b_size divides size */
    int8_t *y,        /* [size] */
    int32_t size, int32_t b_size, int32_t zero_a, int32_t zero_b, int32_t mult, int32_t add,
    int32_t shift, void *scratch /* a part of b, if that is a constant */) {
  const mf_binary_t op = {
      .is_product = 1, .zero_a = zero_a, .zero_b = zero_b, .mult = mult, .add = add,
      .shift = shift};
  mf_binary_xpulp(&op, a, b, y, size, b_size, scratch);
}

#endif
