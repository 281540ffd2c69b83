/* SPDX-License-Identifier: Apache-2.0 */
/* What every kernel shares: saturation, requantisation, bit length. Equations: docs/arithmetic.md.
 *
 * C11, freestanding. No function here or in any kernel allocates, keeps state or calls a library.
 * Values fit 32 bits because the integer graph was proven so before its C was written. */
#ifndef MF_CORE_H
#define MF_CORE_H

#include <stddef.h>
#include <stdint.h>

_Static_assert((-3 >> 1) == -2, "the kernels need an arithmetic right shift of negative integers");
_Static_assert(sizeof(int) == 4, "the kernels need 32-bit int");

/* For the parts of a kernel: inlined into it, so that literal shapes reach the inner loop. */
#if defined(__GNUC__)
#define MF_INLINE static inline __attribute__((always_inline))
#else
#define MF_INLINE static inline
#endif

/* For the phases of a large kernel: functions of their own, so that each stays small and layers of
 * one shape share them. Shapes that all calls agree in are still specialised. */
#if defined(__GNUC__)
#define MF_PHASE __attribute__((noinline, unused)) static
#else
#define MF_PHASE static inline
#endif

/* Columns of a tile of four from `column` on: a literal where n is one and a multiple of four. */
static inline int32_t mf_tile_width(int32_t n, int32_t column) {
  return (n & 3) == 0 || n - column >= 4 ? 4 : n - column;
}

/* Whether a tile of two rows is whole: a literal where their number is even. */
static inline int32_t mf_tile_whole(int32_t rows, int32_t left) {
  return (rows & 1) == 0 || left > 1;
}

/* Saturation to int8. */
static inline int8_t mf_clamp8(int32_t value) {
  const int32_t low = value < -128 ? -128 : value;
  return (int8_t)(low > 127 ? 127 : low);
}

/* Saturation to int16. */
static inline int16_t mf_clamp16(int32_t value) {
  const int32_t low = value < -32768 ? -32768 : value;
  return (int16_t)(low > 32767 ? 32767 : low);
}

/* clamp8(value + zero); cannot overflow even where value + zero would. */
static inline int8_t mf_clamp8_offset(int32_t value, int32_t zero) {
  if (value < -128 - zero) {
    return -128;
  }
  return (int8_t)(value > 127 - zero ? 127 : value + zero);
}

/* Equation (2). */
static inline int8_t mf_requantize(int32_t acc, int32_t mult, int32_t add, int32_t shift) {
  return mf_clamp8((acc * mult + add) >> shift);
}

/* clamp8(value + zero) of a 64-bit value. */
static inline int8_t mf_clamp8_wide(int64_t value, int32_t zero) {
  const int64_t low = value + zero < -128 ? -128 : value + zero;
  return (int8_t)(low > 127 ? 127 : low);
}

/* Equation (2w): the 64-bit form, for imported scales that 31 bits cannot hold. */
static inline int8_t mf_requantize_wide(
    int32_t acc, int32_t mult, int32_t add, int32_t shift, int32_t zero) {
  const int64_t product = (int64_t)(acc + add) * mult + ((int64_t)1 << (shift - 1));
  return mf_clamp8_wide(product >> shift, zero);
}

/* Equation (2w) in 32 bits where the shift is 33 or more: the rounding has then no bit in the lower
 * word of the product, so the higher word alone is rounded: as |acc mult| < 2^62, it has 30 bits.
 * y = clamp8(((higher word + round) >> right) + zero). */
typedef struct {
  int32_t right; /* the shift of the higher word; 0 or less: only 64 bits will do */
  int32_t round;
  int32_t zero; /* what is still to be added: 0 where it is in `round` */
} mf_high_t;

static inline mf_high_t mf_high(int32_t shift, int32_t zero) {
  const int32_t right = shift - 32, half = right > 0 ? 1 << (right - 1) : 0;
  const int32_t small = right > 0 && right <= 22 && zero >= -128 && zero <= 127;
  const mf_high_t high = {right, small ? half + zero * (1 << right) : half, small ? 0 : zero};
  return high;
}

/* How sums become results: equation (2), or (2w) where `wide`; int8, or int16 where `bits` is 16.
 * Made of literals, so that a compiler drops what is not meant. */
typedef struct {
  int32_t shift, wide, zero, bits; /* zero: of (2w) */
  mf_high_t high;
} mf_scale_t;

static inline mf_scale_t mf_scale(int32_t shift) {
  const mf_scale_t scale = {shift, 0, 0, 8, {0, 0, 0}};
  return scale;
}

static inline mf_scale_t mf_scale_s16(int32_t shift) {
  const mf_scale_t scale = {shift, 0, 0, 16, {0, 0, 0}};
  return scale;
}

static inline mf_scale_t mf_scale_wide(int32_t shift, int32_t zero) {
  const mf_scale_t scale = {shift, 1, zero, 8, mf_high(shift, zero)};
  return scale;
}

/* Equation (6); a NULL LUT leaves y as it is. */
static inline int8_t mf_lookup(const int8_t *lut, int8_t y) {
  return lut != NULL ? lut[y + 128] : y;
}

/* The number of bits of value: 0 for 0, 32 for 2^31. */
static inline int32_t mf_bit_length(uint32_t value) {
#if defined(__GNUC__)
  return value == 0 ? 0 : 32 - __builtin_clz(value);
#else
  int32_t bits = 0;
  for (; value != 0; value >>= 1) {
    bits++;
  }
  return bits;
#endif
}

/* The same for 64 bits. */
static inline int32_t mf_bit_length64(uint64_t value) {
  const uint32_t high = (uint32_t)(value >> 32);
  return high != 0 ? 32 + mf_bit_length(high) : mf_bit_length((uint32_t)value);
}

#endif
