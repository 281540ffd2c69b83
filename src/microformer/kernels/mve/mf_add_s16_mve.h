/* SPDX-License-Identifier: Apache-2.0 */
/* Sum of two tensors, one or more of them int16, four elements at a time, equation (8r). y may be the
 * buffer of an operand of its type and size. */
#ifndef MF_ADD_S16_MVE_H
#define MF_ADD_S16_MVE_H

#include "mf_residual_mve.h"

static inline void mf_add_s16_mve(
    const void *a,  /* [size] */
    const void *b,  /* [b_size], repeated; b_size divides size */
    void *y,        /* [size] */
    int32_t size, int32_t b_size, int32_t mult_a, int32_t mult_b, int32_t add, int32_t shift,
    int32_t types, void *scratch /* none */) {
  (void)scratch;
#if MF_HAS_MVE
  for (int32_t start = 0; start < size; start += b_size) {
    for (int32_t j = 0; j < b_size; j += 4) {
      const mve_pred16_t lanes = vctp32q((uint32_t)(b_size - j));
      const int32x4_t first = mf_mve_elements(a, start + j, types & MF_A_S16, lanes);
      const int32x4_t second = mf_mve_elements(b, j, types & MF_B_S16, lanes);
      const int32x4_t sum = vmlaq_n_s32(vmulq_n_s32(first, mult_a), second, mult_b);
      const int32x4_t value = vshlq_r_s32(vaddq_n_s32(sum, add), -shift);
      mf_mve_put(y, start + j, value, types & MF_Y_S16, lanes);
    }
  }
#else
  mf_add_s16_part(a, b, y, 0, size, b_size, mult_a, mult_b, add, shift, types);
#endif
}

#endif
