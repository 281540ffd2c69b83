/* SPDX-License-Identifier: Apache-2.0 */
/* Two products of int8 in one multiplication of 32 bits, exactly.
 *
 * (x0 + 2^16 x1)(w1 + 2^16 w0) is x0 w1 + 2^16 (x0 w0 + x1 w1) modulo 2^32. |x0 w1| <= 2^14, so adding
 * 2^15 and taking the higher half gives the sum of two products. That lies in -32,512 to 32,768, one
 * more than 16 bits hold: 2^16 is taken off before, and every pair's one is added at the end. */
#ifndef MF_PAIRS_SCALAR_H
#define MF_PAIRS_SCALAR_H

#include "mf_dsp.h"

/* Pairs of a row of k values. */
static inline int32_t mf_pairs_of(int32_t k) { return (k + 1) >> 1; }

/* low + 2^16 high. */
static inline uint32_t mf_pair_of(int32_t low, int32_t high) {
  return (uint32_t)low + ((uint32_t)high << 16);
}

/* The products of a pair of x and one of a weight, added, less one. */
static inline int32_t mf_pair_dot(uint32_t x, uint32_t w) {
  return (int32_t)(x * w + (0x8000u - 0x10000u)) >> 16;
}

/* A row of k values as pairs. */
MF_INLINE void mf_pairs_of_row(const int8_t *x, uint32_t *to, int32_t k) {
  int32_t i = 0;
  for (; i + 2 <= k; i += 2) {
    *to++ = mf_pair_of(x[i], x[i + 1]);
  }
  if (i < k) {
    *to = mf_pair_of(x[i], 0);
  }
}

/* Four columns of weights, k values each: pair by pair, the second value lowest; columns from `count`
 * on repeat the last one. */
MF_INLINE void mf_pairs_of_columns(
    const int8_t *weight, uint32_t *to, int32_t k, int32_t count) {
  for (int32_t j = 0; j < 4; j++) {
    const int8_t *column = weight + (j < count ? j : count - 1) * k;
    uint32_t *at = to + j;
    int32_t i = 0;
    for (; i + 2 <= k; i += 2, at += 4) {
      *at = mf_pair_of(column[i + 1], column[i]);
    }
    if (i < k) {
      *at = mf_pair_of(0, column[i]);
    }
  }
}

#if defined(__thumb__) && !defined(__thumb2__) && defined(__GNUC__) && defined(__OPTIMIZE__)
#define MF_PAIRS_ASM 1
/* GCC reads assembly of a core with 16-bit instructions in the older syntax unless told. */
#ifdef __clang__
#define MF_UNIFIED ""
#define MF_DIVIDED ""
#else
#define MF_UNIFIED ".syntax unified\n\t"
#define MF_DIVIDED ".syntax divided\n\t"
#endif
/* One pair with one column: the rounding is in r8. */
#define MF_PAIR_COLUMN(SUM, W)          \
  "ldr r3, [%[w], #" #W "]\n\t"         \
  "muls r3, r2\n\t"                     \
  "add r3, r8\n\t"                      \
  "asrs r3, r3, #16\n\t"                \
  "adds %[" SUM "], %[" SUM "], r3\n\t"

/* One pair with four columns: 21 instructions for 8 products. */
#define MF_PAIR_STEP(X, W)                                                                        \
  "ldr r2, [%[x], #" #X "]\n\t" MF_PAIR_COLUMN("a", W) MF_PAIR_COLUMN("b", W + 4)                 \
  MF_PAIR_COLUMN("c", W + 8) MF_PAIR_COLUMN("d", W + 12)

#define MF_PAIR_OPERANDS                                                                          \
  [a] "+l"(a), [b] "+l"(b), [c] "+l"(c), [d] "+l"(d), [x] "+l"(x), [w] "+l"(w)
#endif

/* sums[j] = a row of pairs times column j. */
MF_INLINE void mf_pairs_dot_1x4(
    const uint32_t *row, const uint32_t *columns /* [pairs, 4] */, int32_t pairs,
    int32_t sums[4]) {
#ifdef MF_PAIRS_ASM
  register const uint32_t *x __asm("r0") = row;
  register const uint32_t *w __asm("r1") = columns;
  register int32_t a __asm("r4") = pairs, b __asm("r5") = pairs, c __asm("r6") = pairs;
  register int32_t d __asm("r7") = pairs;
  register uint32_t half __asm("r8") = 0x8000u - 0x10000u;
  if (pairs >= 8) {
    register const uint32_t *end __asm("r9") = columns + 4 * (pairs & ~7);
    __asm volatile(MF_UNIFIED "1:\n\t" MF_PAIR_STEP(0, 0) MF_PAIR_STEP(4, 16) MF_PAIR_STEP(8, 32)
                       MF_PAIR_STEP(12, 48) MF_PAIR_STEP(16, 64) MF_PAIR_STEP(20, 80)
                           MF_PAIR_STEP(24, 96) MF_PAIR_STEP(28, 112)
                   "adds %[x], #32\n\tadds %[w], #128\n\tcmp %[w], %[end]\n\tbeq 2f\n\tb 1b\n\t2:\n\t" MF_DIVIDED
                   : MF_PAIR_OPERANDS, [end] "+r"(end), [half] "+r"(half)
                   :
                   : "r2", "r3", "cc", "memory");
  }
  if ((pairs & 7) != 0) {
    register const uint32_t *end __asm("r9") = columns + 4 * pairs;
    __asm volatile(MF_UNIFIED "1:\n\t" MF_PAIR_STEP(0, 0)
                   "adds %[x], #4\n\tadds %[w], #16\n\tcmp %[w], %[end]\n\tbne 1b\n\t" MF_DIVIDED
                   : MF_PAIR_OPERANDS, [end] "+r"(end), [half] "+r"(half)
                   :
                   : "r2", "r3", "cc", "memory");
  }
#else
  int32_t a = pairs, b = pairs, c = pairs, d = pairs;
#pragma GCC unroll 4
  for (int32_t i = 0; i < pairs; i++, columns += 4) {
    const uint32_t x = row[i];
    a += mf_pair_dot(x, columns[0]);
    b += mf_pair_dot(x, columns[1]);
    c += mf_pair_dot(x, columns[2]);
    d += mf_pair_dot(x, columns[3]);
  }
#endif
  sums[0] = a, sums[1] = b, sums[2] = c, sums[3] = d;
}

#endif
