/* SPDX-License-Identifier: Apache-2.0 */
/* Complex numbers as pairs of int16 by the SIMD of Armv7E-M and Armv8-M, and plain C.
 *
 * The lower half is the real part. */
#ifndef MF_COMPLEX_DSP_H
#define MF_COMPLEX_DSP_H

#include "mf_dsp.h"

static inline int32_t mf_half_low(uint32_t a) { return (int16_t)(a & 65535u); }
static inline int32_t mf_half_high(uint32_t a) { return (int32_t)a >> 16; }

/* a + b, a - b, a + j b, a - j b, modulo 2^16; then (a + b) >> 1 and (a - b) >> 1. */
#if MF_HAS_DSP
#define MF_PAIRWISE(NAME, INTRINSIC, LOW, HIGH, SHIFT)            \
  static inline uint32_t NAME(uint32_t a, uint32_t b) {           \
    return (uint32_t)INTRINSIC((int16x2_t)a, (int16x2_t)b);       \
  }
#else
#define MF_PAIRWISE(NAME, INTRINSIC, LOW, HIGH, SHIFT)            \
  static inline uint32_t NAME(uint32_t a, uint32_t b) {           \
    const int32_t ar = mf_half_low(a), ai = mf_half_high(a);      \
    const int32_t br = mf_half_low(b), bi = mf_half_high(b);      \
    return mf_pack((LOW) >> SHIFT, (HIGH) >> SHIFT);              \
  }
#endif
MF_PAIRWISE(mf_pair_add, __sadd16, ar + br, ai + bi, 0)
MF_PAIRWISE(mf_pair_sub, __ssub16, ar - br, ai - bi, 0)
MF_PAIRWISE(mf_pair_add_j, __sasx, ar - bi, ai + br, 0)
MF_PAIRWISE(mf_pair_sub_j, __ssax, ar + bi, ai - br, 0)
MF_PAIRWISE(mf_pair_half_add, __shadd16, ar + br, ai + bi, 1)
MF_PAIRWISE(mf_pair_half_sub, __shsub16, ar - br, ai - bi, 1)

/* Four pairs `step` values apart: loads in a row, which overlap on an M4. */
MF_INLINE void mf_load_four_pairs(const int16_t *from, int32_t step, uint32_t to[4]) {
#if MF_HAS_DSP
  __asm volatile(
      "ldr %0, [%4]\n\tldr %1, [%4, %5]\n\tldr %2, [%4, %6]\n\tldr %3, [%4, %7]"
      : "=&r"(to[0]), "=&r"(to[1]), "=&r"(to[2]), "=r"(to[3])
      : "r"(from), "r"(2 * step), "r"(4 * step), "r"(6 * step)
      : "memory");
#else
  for (int32_t i = 0; i < 4; i++) {
    const int16_t *const at = from + i * step;
    to[i] = mf_pack(at[0], at[1]);
  }
#endif
}

static inline uint32_t mf_pair_half(uint32_t a) { return mf_pair_half_add(a, 0); }

/* Real and imaginary part of a w, 32 bits each. */
static inline int32_t mf_pair_real(uint32_t a, uint32_t w) {
#if MF_HAS_DSP
  return __smusd((int16x2_t)a, (int16x2_t)w);
#else
  return mf_half_low(a) * mf_half_low(w) - mf_half_high(a) * mf_half_high(w);
#endif
}
static inline int32_t mf_pair_imaginary(uint32_t a, uint32_t w) {
#if MF_HAS_DSP
  return __smuadx((int16x2_t)a, (int16x2_t)w);
#else
  return mf_half_low(a) * mf_half_high(w) + mf_half_high(a) * mf_half_low(w);
#endif
}

/* (a w) >> 16 */
static inline uint32_t mf_pair_times16(uint32_t a, uint32_t w) {
  const int32_t re = mf_pair_real(a, w), im = mf_pair_imaginary(a, w);
#if MF_HAS_DSP
  uint32_t pair;
  __asm("pkhtb %0, %1, %2, asr #16" : "=r"(pair) : "r"(im), "r"(re));
  return pair;
#else
  return mf_pack(re >> 16, im >> 16);
#endif
}

/* (a w) >> 15 */
static inline uint32_t mf_pair_times15(uint32_t a, uint32_t w) {
  const int32_t re = mf_pair_real(a, w), im = mf_pair_imaginary(a, w);
#if MF_HAS_DSP
  uint32_t pair;
  __asm("pkhtb %0, %1, %2, asr #15" : "=r"(pair) : "r"((uint32_t)im << 1), "r"(re));
  return pair;
#else
  return mf_pack(re >> 15, im >> 15);
#endif
}

#endif
