/* SPDX-License-Identifier: Apache-2.0 */
/* The larger of four pairs of bytes at once, and the largest of a row. */
#ifndef MF_MAX_DSP_H
#define MF_MAX_DSP_H

#include "mf_dsp.h"
#include "mf_softmax.h"

/* Byte by byte the larger of a and b, signed. */
static inline uint32_t mf_max_4(uint32_t a, uint32_t b) {
#if MF_HAS_DSP
  (void)__ssub8((int8x4_t)a, (int8x4_t)b); /* sets the flags by which SEL chooses */
  return (uint32_t)__sel((uint8x4_t)a, (uint8x4_t)b);
#else
  uint32_t word = 0;
  for (int32_t i = 0; i < 32; i += 8) {
    const int8_t first = (int8_t)(a >> i & 255u), second = (int8_t)(b >> i & 255u);
    word |= (uint32_t)(uint8_t)(first > second ? first : second) << i;
  }
  return word;
#endif
}

/* The largest of x[0 .. n-1]. */
MF_INLINE int32_t mf_row_max_dsp(const int8_t *x, int32_t n) {
  if (n >= 4) {
    uint32_t top = mf_load4(x);
    for (int32_t i = 4; i < n; i += 4) {
      top = mf_max_4(top, mf_load4(x + (i + 4 <= n ? i : n - 4))); /* the last four overlap */
    }
    const int8_t bytes[4] = {
        (int8_t)(top & 255u), (int8_t)(top >> 8 & 255u), (int8_t)(top >> 16 & 255u),
        (int8_t)(top >> 24)};
    return mf_row_max(bytes, 4);
  }
  return mf_row_max(x, n);
}

#endif
