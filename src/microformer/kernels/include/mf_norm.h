/* SPDX-License-Identifier: Apache-2.0 */
/* Inverse square root and row scaling of equation (7). */
#ifndef MF_NORM_H
#define MF_NORM_H

#include "mf_core.h"

/* Equation (7b): about 2^31 / sqrt(d) for d in [2^30, 2^32): a seed and one Newton step.
 * seeds[j] = round(2^31 / sqrt((j + 32.5) 2^25)). */
static inline uint32_t mf_rsqrt(uint32_t d) {
  static const uint16_t seeds[96] = {
      65030, 64052, 63117, 62222, 61363, 60540, 59748, 58987, 58254, 57548, 56867, 56210,
      55574, 54960, 54366, 53791, 53233, 52693, 52169, 51660, 51165, 50685, 50218, 49763,
      49321, 48890, 48470, 48061, 47663, 47273, 46894, 46523, 46161, 45807, 45462, 45124,
      44793, 44470, 44153, 43843, 43540, 43243, 42951, 42666, 42386, 42112, 41843, 41579,
      41320, 41065, 40816, 40571, 40330, 40093, 39861, 39632, 39408, 39187, 38970, 38756,
      38546, 38340, 38136, 37936, 37739, 37545, 37354, 37166, 36980, 36798, 36618, 36441,
      36266, 36093, 35924, 35756, 35591, 35428, 35267, 35109, 34953, 34798, 34646, 34496,
      34347, 34201, 34056, 33913, 33772, 33633, 33496, 33360, 33225, 33093, 32962, 32832};
  const uint32_t seed = seeds[(d >> 25) - 32u];
  const uint32_t t = (d >> 16) * ((seed * seed) >> 16);
  return (seed * (((3u << 30) - t) >> 16)) >> 15;
}

/* Equation (7c): what turns a deviation u of a row into h = (u * scale + round) >> shift. */
typedef struct {
  int32_t scale;
  int32_t round;
  int32_t shift;
} mf_norm_t;

/* spread = D >= 1 of a row of n values, `bits` long; frac = F. */
MF_INLINE mf_norm_t mf_norm_of_bits(uint64_t spread, int32_t bits, int32_t n, int32_t frac) {
  const int32_t half_bits = (mf_bit_length((uint32_t)n - 1u) + 1) >> 1;
  const int32_t e = (32 - bits) >> 1; /* floor, may be negative */
  const uint64_t normal = e >= 0 ? spread << (2 * e) : spread >> (-2 * e);
  const int32_t g = half_bits + 1 > e ? half_bits + 1 - e : 0;
  const uint32_t scale = (mf_rsqrt((uint32_t)normal) + ((1u << g) >> 1)) >> g;
  const int32_t shift = 31 - e - frac - g;
  const mf_norm_t norm = {(int32_t)scale, 1 << (shift - 1), shift};
  return norm;
}

static inline mf_norm_t mf_norm(uint64_t spread, int32_t n, int32_t frac) {
  return mf_norm_of_bits(spread, mf_bit_length64(spread), n, frac);
}

#endif
