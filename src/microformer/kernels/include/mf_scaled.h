/* SPDX-License-Identifier: Apache-2.0 */
/* Equations (2) and (2w) on a core that multiplies 32 x 32 to the higher word. */
#ifndef MF_SCALED_H
#define MF_SCALED_H

#include "mf_dsp.h"

/* The higher word of a b, and `add`: one instruction, where compilers take 64 bits. */
static inline int32_t mf_add_high(int32_t a, int32_t b, int32_t add) {
#if MF_HAS_DSP
  int32_t sum;
  __asm("smmla %0, %1, %2, %3" : "=r"(sum) : "r"(a), "r"(b), "r"(add));
  return sum;
#else
  return (int32_t)(((int64_t)a * b) >> 32) + add;
#endif
}

/* Equation (2w) of acc with its addend, by mf_high. */
static inline int32_t mf_scaled_high(const mf_high_t *high, int32_t acc, int32_t mult) {
  return mf_clamp_s8((mf_add_high(acc, mult, high->round) >> high->right) + high->zero);
}

/* Equation (2) or (2w). */
static inline int32_t mf_scaled(
    const mf_scale_t *scale, int32_t acc, int32_t mult, int32_t add) {
  if (!scale->wide) {
    return mf_requantize(acc, mult, add, scale->shift);
  }
  if (scale->high.right > 0) {
    return mf_scaled_high(&scale->high, acc + add, mult);
  }
  return mf_requantize_wide(acc, mult, add, scale->shift, scale->zero);
}

/* What becomes of a sum that has its mult and add but for (2)'s shift, and nothing yet for (2w), and
 * equation (6). `of` is mult, add. */
MF_INLINE int8_t mf_finished(
    const mf_scale_t *scale, int32_t sum, const int32_t of[2], const int8_t *lut) {
  const int32_t value =
      scale->wide ? mf_scaled(scale, sum, of[0], of[1]) : mf_clamp8(sum >> scale->shift);
  return mf_lookup(lut, (int8_t)value);
}

#endif
