/* SPDX-License-Identifier: Apache-2.0 */
/* Requantisation of four values at once, and tails: what the element-wise kernels of mve share. */
#ifndef MF_VECTOR_MVE_H
#define MF_VECTOR_MVE_H

#include "mf_mve.h"

#if MF_HAS_MVE
/* Equation (2) behind its product and sum: shift, saturate. */
MF_INLINE int32x4_t mf_mve_narrow(int32x4_t scaled, int32_t shift) {
  const int32x4_t low = vmaxq_s32(vshlq_r_s32(scaled, -shift), vdupq_n_s32(-128));
  return vminq_s32(low, vdupq_n_s32(127));
}
#endif

#endif
