/* SPDX-License-Identifier: Apache-2.0 */
/* Two 16-bit products an instruction: the SIMD of Armv7E-M and Armv8-M, and the same in C.
 *
 * With the extension each function is one or two instructions; without it, plain C gives the
 * same bits, so that kernels of dsp are tested on any machine. */
#ifndef MF_DSP_H
#define MF_DSP_H

#include "mf_core.h"

#if defined(__ARM_FEATURE_DSP) && defined(__GNUC__)
#include <arm_acle.h>
#define MF_HAS_DSP 1
#else
#define MF_HAS_DSP 0
#endif

/* Four bytes from anywhere, the first one lowest. */
static inline uint32_t mf_load4(const int8_t *from) {
  uint32_t word;
#if defined(__GNUC__)
  __builtin_memcpy(&word, from, sizeof word); /* one load where the core may load unaligned */
#else
  word = (uint32_t)(uint8_t)from[0] | (uint32_t)(uint8_t)from[1] << 8 |
         (uint32_t)(uint8_t)from[2] << 16 | (uint32_t)(uint8_t)from[3] << 24;
#endif
  return word;
}

/* Four bytes to anywhere, the lowest first. */
static inline void mf_store4(int8_t *to, uint32_t word) {
#if defined(__GNUC__)
  __builtin_memcpy(to, &word, sizeof word);
#else
  to[0] = (int8_t)(word & 255u), to[1] = (int8_t)(word >> 8 & 255u);
  to[2] = (int8_t)(word >> 16 & 255u), to[3] = (int8_t)(word >> 24);
#endif
}

/* Bytes 0 and 2 of word, sign extended, as a pair of int16. */
static inline uint32_t mf_pair_even(uint32_t word) {
#if MF_HAS_DSP
  return (uint32_t)__sxtb16((int8x4_t)word);
#else
  const uint32_t low = (uint32_t)(int8_t)(word & 255u);
  const uint32_t high = (uint32_t)(int8_t)((word >> 16) & 255u);
  return (low & 65535u) | high << 16;
#endif
}

/* The same, each with the int16 of `pair` added. */
static inline uint32_t mf_pair_even_add(uint32_t pair, uint32_t word) {
#if MF_HAS_DSP
  return (uint32_t)__sxtab16((int16x2_t)pair, (int8x4_t)word);
#else
  const uint32_t even = mf_pair_even(word);
  return ((even + pair) & 65535u) | ((even & 0xffff0000u) + (pair & 0xffff0000u));
#endif
}

/* Bytes 1 and 3 of word, sign extended, as a pair of int16. */
static inline uint32_t mf_pair_odd(uint32_t word) { return mf_pair_even(word >> 8 | word << 24); }

/* The lower halves of two values as a pair. */
static inline uint32_t mf_pack(int32_t low, int32_t high) {
#if MF_HAS_DSP
  uint32_t pair; /* one instruction, which compilers miss behind a saturation */
  __asm("pkhbt %0, %1, %2, lsl #16" : "=r"(pair) : "r"(low), "r"(high));
  return pair;
#else
  return ((uint32_t)low & 65535u) | (uint32_t)high << 16;
#endif
}

/* mf_clamp8 in one instruction, also behind an addition, where compilers miss it. */
static inline int32_t mf_clamp_s8(int32_t value) {
#if MF_HAS_DSP
  return (int32_t)__builtin_arm_ssat(value, 8); /* gcc 12's __ssat is no clean C */
#else
  return mf_clamp8(value);
#endif
}

/* Saturation to 0..255. */
static inline int32_t mf_clamp_u8(int32_t value) {
#if MF_HAS_DSP
  return (int32_t)__builtin_arm_usat(value, 8);
#else
  const int32_t low = value < 0 ? 0 : value;
  return low > 255 ? 255 : low;
#endif
}

/* The higher halves of two values as a pair. */
static inline uint32_t mf_pack_tops(uint32_t low, uint32_t high) {
  return low >> 16 | (high & 0xffff0000u);
}

/* Four words as rows of four bytes, turned: word j becomes byte j of each. */
MF_INLINE void mf_turn_4(uint32_t words[4]) {
  const uint32_t a = words[0], b = words[1], c = words[2], d = words[3];
  /* bytes 0 and 2, 1 and 3 of two rows side by side, then columns */
  const uint32_t low02 = (a & 0x00ff00ffu) | (b & 0x00ff00ffu) << 8;
  const uint32_t low13 = (a >> 8 & 0x00ff00ffu) | (b & 0xff00ff00u);
  const uint32_t high02 = (c & 0x00ff00ffu) | (d & 0x00ff00ffu) << 8;
  const uint32_t high13 = (c >> 8 & 0x00ff00ffu) | (d & 0xff00ff00u);
  words[0] = (low02 & 65535u) | high02 << 16;
  words[1] = (low13 & 65535u) | high13 << 16;
  words[2] = mf_pack_tops(low02, high02);
  words[3] = mf_pack_tops(low13, high13);
}

/* acc + the sum of both products of the pairs a and b. */
static inline int32_t mf_dot_pair(uint32_t a, uint32_t b, int32_t acc) {
#if MF_HAS_DSP
  return __smlad((int16x2_t)a, (int16x2_t)b, acc);
#else
  const int32_t low = (int32_t)(int16_t)(a & 65535u) * (int16_t)(b & 65535u);
  const int32_t high = (int32_t)(int16_t)(a >> 16) * (int16_t)(b >> 16);
  return acc + low + high;
#endif
}

#endif
