/* SPDX-License-Identifier: Apache-2.0 */
/* Sum of two tensors of their own scales, four elements at a time, equation (8). */
#ifndef MF_ADD_S8_MVE_H
#define MF_ADD_S8_MVE_H

#include "mf_vector_mve.h"

static inline void mf_add_s8_mve(
    const int8_t *a, /* [n] */
    const int8_t *b, /* [bn], repeated */
    int8_t *y,       /* [n]; may be a, or b where bn = n */
    int32_t n, int32_t bn, int32_t mult_a, int32_t mult_b, int32_t add, int32_t shift,
    void *scratch /* none */) {
  (void)scratch;
  for (int32_t start = 0; start < n; start += bn, a += bn, y += bn) {
    int32_t i = 0;
#if MF_HAS_MVE
    for (; i < bn; i += 4) {
      const mve_pred16_t lanes = vctp32q((uint32_t)(bn - i));
      const int32x4_t first = vmulq_n_s32(vldrbq_z_s32(a + i, lanes), mult_a);
      const int32x4_t both = vmlaq_n_s32(first, vldrbq_z_s32(b + i, lanes), mult_b);
      vstrbq_p_s32(y + i, mf_mve_narrow(vaddq_n_s32(both, add), shift), lanes);
    }
#endif
    for (; i < bn; i++) {
      y[i] = mf_clamp8((a[i] * mult_a + b[i] * mult_b + add) >> shift);
    }
  }
}

#endif
