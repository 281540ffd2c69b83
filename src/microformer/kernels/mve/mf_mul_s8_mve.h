/* SPDX-License-Identifier: Apache-2.0 */
/* Product of two tensors, four elements at a time, equation (9). y may be the buffer of a, or of b
 * where b_size == size. */
#ifndef MF_MUL_S8_MVE_H
#define MF_MUL_S8_MVE_H

#include "mf_vector_mve.h"

static inline void mf_mul_s8_mve(
    const int8_t *a,  /* [size] */
    const int8_t *b,  /* [b_size], repeated; b_size divides size */
    int8_t *y,        /* [size] */
    int32_t size, int32_t b_size, int32_t zero_a, int32_t zero_b, int32_t mult, int32_t add,
    int32_t shift, void *scratch /* none */) {
  (void)scratch;
  for (int32_t start = 0; start < size; start += b_size, a += b_size, y += b_size) {
    int32_t i = 0;
#if MF_HAS_MVE
    for (; i < b_size; i += 4) {
      const mve_pred16_t lanes = vctp32q((uint32_t)(b_size - i));
      const int32x4_t first = vsubq_n_s32(vldrbq_z_s32(a + i, lanes), zero_a);
      const int32x4_t second = vsubq_n_s32(vldrbq_z_s32(b + i, lanes), zero_b);
      const int32x4_t product = vmulq_n_s32(vmulq_s32(first, second), mult);
      const int32x4_t value = vshlq_r_s32(vaddq_n_s32(product, add), -shift);
      vstrbq_p_s32(y + i, mf_mve_low_bytes(value), lanes);
    }
#endif
    for (; i < b_size; i++) {
      const int32_t product = (a[i] - zero_a) * (b[i] - zero_b);
      y[i] = mf_requantize(product, mult, add, shift);
    }
  }
}

#endif
