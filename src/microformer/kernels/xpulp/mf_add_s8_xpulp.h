/* SPDX-License-Identifier: Apache-2.0 */
/* Sum of two tensors, equation (8). y may be the buffer of a, or of b where b_size == size. */
#ifndef MF_ADD_S8_XPULP_H
#define MF_ADD_S8_XPULP_H

#include "mf_binary_xpulp.h"

static inline void mf_add_s8_xpulp(
    const int8_t *a,  /* [size] */
    const int8_t *b,  /* [b_size], repeated; b_size divides size */
    int8_t *y,        /* [size] */
    int32_t size, int32_t b_size, int32_t mult_a, int32_t mult_b, int32_t add, int32_t shift,
    void *scratch /* a part of b, if that is a constant */) {
  const mf_binary_t op = {
      .is_product = 0, .mult_a = mult_a, .mult_b = mult_b, .add = add, .shift = shift};
  mf_binary_xpulp(&op, a, b, y, size, b_size, scratch);
}

#endif
