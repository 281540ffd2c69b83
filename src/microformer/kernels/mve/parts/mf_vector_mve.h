/* SPDX-License-Identifier: Apache-2.0 */
/* Requantisation of four values at once, and tails: what the element-wise kernels of mve share. */
#ifndef MF_VECTOR_MVE_H
#define MF_VECTOR_MVE_H

#include "mf_dsp.h"
#include "mf_mve.h"

#if MF_HAS_MVE
/* Equation (2) behind its product and sum: shift, saturate. */
MF_INLINE int32x4_t mf_mve_narrow(int32x4_t scaled, int32_t shift) {
  const int32x4_t low = vmaxq_s32(vshlq_r_s32(scaled, -shift), vdupq_n_s32(-128));
  return vminq_s32(low, vdupq_n_s32(127));
}

/* Saturated to int8 in the lowest byte of each lane, anything above it: for a store of bytes. Unlike
 * a maximum and a minimum it needs no constants in registers. */
MF_INLINE int32x4_t mf_mve_low_bytes(int32x4_t value) {
  const int16x8_t half = vqmovnbq_s32(vreinterpretq_s16_s32(value), value);
  return vreinterpretq_s32_s8(vqmovnbq_s16(vreinterpretq_s8_s16(half), half));
}

/* Equation (2), or (2w) where its shift is 33 or more, of four sums; not yet saturated. */
MF_INLINE int32x4_t mf_mve_scaled(
    const mf_scale_t *scale, int32x4_t acc, int32x4_t mult, int32x4_t add) {
  if (!scale->wide) {
    return vshlq_r_s32(vaddq_s32(vmulq_s32(acc, mult), add), -scale->shift);
  }
  const int32x4_t high = vaddq_n_s32(vmulhq_s32(vaddq_s32(acc, add), mult), scale->high.round);
  const int32x4_t value = vshlq_r_s32(high, -scale->high.right);
  return scale->high.zero != 0 ? vaddq_n_s32(value, scale->high.zero) : value;
}
#endif

/* Whether mf_mve_scaled can do it. */
MF_INLINE int32_t mf_mve_scales(const mf_scale_t *scale) {
  return !scale->wide || scale->high.right > 0;
}

#endif
