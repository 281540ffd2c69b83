/* SPDX-License-Identifier: Apache-2.0 */
/* The two passes over a row of a norm, equation (7), on pairs of int16 and on single values. */
#ifndef MF_NORM_DSP_H
#define MF_NORM_DSP_H

#include "mf_dsp.h"
#include "mf_norm.h"

typedef struct {
  int32_t sum;
  uint32_t squares;
} mf_sums_t;

/* Sum and sum of squares of x[0 .. n-1]. */
MF_INLINE mf_sums_t mf_row_sums(const int8_t *x, int32_t n) {
  int32_t sum = 0, squares = 0;
  for (; n >= 4; n -= 4, x += 4) {
    const uint32_t word = mf_load4(x);
    const uint32_t even = mf_pair_even(word), odd = mf_pair_odd(word);
    sum = mf_dot_pair(odd, 0x00010001u, mf_dot_pair(even, 0x00010001u, sum));
    squares = mf_dot_pair(odd, odd, mf_dot_pair(even, even, squares));
  }
  for (; n > 0; n--, x++) {
    sum += *x;
    squares += *x * *x;
  }
  const mf_sums_t sums = {sum, (uint32_t)squares};
  return sums;
}

/* Not where a load takes as long whatever stands beside it, as on cores with vectors. */
#if MF_HAS_DSP && defined(__OPTIMIZE__) && !defined(__ARM_FEATURE_MVE)
#define MF_NORM_ASM 1
#else
#define MF_NORM_ASM 0
#endif

#if MF_NORM_ASM
/* Two elements of (7c), (7d): six loads in a row overlap (7 cycles) and ten operations. Compilers
 * part the loads, and keep more than there are registers. */
#define MF_NORM_PAIR(AT, AT1, C, C1)              \
  "ldrsb %[s], [%[x], #" #AT "]\n\t"              \
  "ldrsb %[t], [%[x], #" #AT1 "]\n\t"             \
  "ldr %[m], [%[mult], #" #C "]\n\t"              \
  "ldr %[n], [%[mult], #" #C1 "]\n\t"             \
  "ldr %[a], [%[add], #" #C "]\n\t"               \
  "ldr %[b], [%[add], #" #C1 "]\n\t"              \
  "mla %[s], %[s], %[slope], %[offset]\n\t"       \
  "mla %[t], %[t], %[slope], %[offset]\n\t"       \
  "asr %[s], %[s], %[right]\n\t"                  \
  "asr %[t], %[t], %[right]\n\t"                  \
  "mla %[s], %[s], %[m], %[a]\n\t"                \
  "mla %[t], %[t], %[n], %[b]\n\t"                \
  "ssat %[s], #8, %[s], asr %[shift]\n\t"         \
  "ssat %[t], #8, %[t], asr %[shift]\n\t"         \
  "strb %[s], [%[y], #" #AT "]\n\t"               \
  "strb %[t], [%[y], #" #AT1 "]\n\t"

/* Eight elements a turn; returns how many it did. `shift` must be a constant. */
#define MF_NORM_ROW(SHIFT)                                                                        \
  __asm volatile("1:\n\t" MF_NORM_PAIR(0, 1, 0, 4) MF_NORM_PAIR(2, 3, 8, 12)                      \
                     MF_NORM_PAIR(4, 5, 16, 20) MF_NORM_PAIR(6, 7, 24, 28)                        \
                 "adds %[x], #8\n\tadds %[y], #8\n\tadds %[mult], #32\n\tadds %[add], #32\n\t"     \
                 "subs %[turns], #1\n\tbne 1b\n\t"                                                \
                 : [x] "+&r"(x), [y] "+&r"(y), [mult] "+&r"(mult), [add] "+&r"(add),                  \
                   [turns] "+&r"(turns), [s] "=&r"(s), [t] "=&r"(t), [m] "=&r"(m), [n] "=&r"(n1),  \
                   [a] "=&r"(a), [b] "=&r"(b)                                                     \
                 : [slope] "r"(slope), [offset] "r"(offset), [right] "r"(right),                  \
                   [shift] "i"(SHIFT)                                                             \
                 : "cc", "memory")
#endif

/* (7c), (7d) for a row: u = n x - total. u scale + round is x (n scale) + (round - total scale);
 * both terms may leave 32 bits, their sum does not, so it is taken modulo 2^32. */
MF_INLINE void mf_norm_row(
    const int8_t *x, int8_t *y, const int32_t *mult, const int32_t *add, int32_t n, int32_t total,
    int32_t shift, mf_norm_t norm) {
  uint32_t slope = (uint32_t)n * (uint32_t)norm.scale;
  uint32_t offset = (uint32_t)norm.round - (uint32_t)total * (uint32_t)norm.scale;
  int32_t right = norm.shift;
#if MF_HAS_DSP
  __asm("" : "+r"(slope), "+r"(offset), "+r"(right)); /* else the sum is taken apart again */
#endif
  int32_t left = n;
#if MF_NORM_ASM
  if (__builtin_constant_p(shift) && n >= 8) { /* else the shift has no place in SSAT */
    int32_t turns = n >> 3, s, t, m, n1, a, b;
    MF_NORM_ROW(shift);
    left = n & 7;
  }
#endif
  for (; left >= 4; left -= 4, x += 4, y += 4, mult += 4, add += 4) {
    const uint32_t word = mf_load4(x);
    const int32_t h0 = (int32_t)((uint32_t)(int8_t)(word & 255u) * slope + offset) >> right;
    const int32_t h1 = (int32_t)((uint32_t)(int8_t)(word >> 8 & 255u) * slope + offset) >> right;
    const int32_t h2 = (int32_t)((uint32_t)(int8_t)(word >> 16 & 255u) * slope + offset) >> right;
    const int32_t h3 = (int32_t)((uint32_t)(int8_t)(word >> 24) * slope + offset) >> right;
    y[0] = mf_requantize(h0, mult[0], add[0], shift);
    y[1] = mf_requantize(h1, mult[1], add[1], shift);
    y[2] = mf_requantize(h2, mult[2], add[2], shift);
    y[3] = mf_requantize(h3, mult[3], add[3], shift);
  }
  for (int32_t i = 0; i < left; i++) {
    const int32_t h = (int32_t)((uint32_t)(int32_t)x[i] * slope + offset) >> right;
    y[i] = mf_requantize(h, mult[i], add[i], shift);
  }
}

#endif
