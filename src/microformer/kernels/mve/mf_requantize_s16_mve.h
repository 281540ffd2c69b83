/* SPDX-License-Identifier: Apache-2.0 */
/* An int16 tensor to int8, four elements at a time, equation (14). */
#ifndef MF_REQUANTIZE_S16_MVE_H
#define MF_REQUANTIZE_S16_MVE_H

#include "mf_residual_mve.h"

static inline void mf_requantize_s16_mve(
    const int16_t *x, /* [size] */
    int8_t *y,        /* [size] */
    int32_t size, int32_t mult, int32_t add, int32_t shift, void *scratch /* none */) {
  (void)scratch;
#if MF_HAS_MVE
  for (int32_t i = 0; i < size; i += 4) {
    const mve_pred16_t lanes = vctp32q((uint32_t)(size - i));
    const int32x4_t scaled = vmulq_n_s32(vldrhq_z_s32(x + i, lanes), mult);
    const int32x4_t value = vshlq_r_s32(vaddq_n_s32(scaled, add), -shift);
    vstrbq_p_s32(y + i, mf_mve_low_bytes(value), lanes);
  }
#else
  mf_requantize_s16_part(x, y, 0, size, mult, add, shift);
#endif
}

#endif
