/* The larger of four pairs of bytes at once. */
#ifndef MF_MAX_DSP_H
#define MF_MAX_DSP_H

#include "mf_dsp.h"

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

#endif
