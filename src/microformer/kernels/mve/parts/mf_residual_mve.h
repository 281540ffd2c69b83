/* SPDX-License-Identifier: Apache-2.0 */
/* Four elements of a residual stream, int8 or int16, as 32 bits. */
#ifndef MF_RESIDUAL_MVE_H
#define MF_RESIDUAL_MVE_H

#include "mf_residual.h"
#include "mf_vector_mve.h"

#if MF_HAS_MVE
/* Elements i to i + 3, of which `lanes` are there. */
MF_INLINE int32x4_t mf_mve_elements(
    const void *x, int32_t i, int32_t is_s16, mve_pred16_t lanes) {
  return is_s16 ? vldrhq_z_s32((const int16_t *)x + i, lanes)
                : vldrbq_z_s32((const int8_t *)x + i, lanes);
}

/* The same of a result, saturated to its type. */
MF_INLINE void mf_mve_put(
    void *y, int32_t i, int32x4_t value, int32_t is_s16, mve_pred16_t lanes) {
  if (is_s16) {
    const int16x8_t half = vqmovnbq_s32(vreinterpretq_s16_s32(value), value);
    vstrhq_p_s32((int16_t *)y + i, vreinterpretq_s32_s16(half), lanes);
  } else {
    vstrbq_p_s32((int8_t *)y + i, mf_mve_low_bytes(value), lanes);
  }
}
#endif

#endif
