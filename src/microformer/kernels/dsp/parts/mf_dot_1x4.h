/* SPDX-License-Identifier: Apache-2.0 */
/* The inner loop of a product that uses its weights once: one row by four columns. */
#ifndef MF_DOT_1X4_H
#define MF_DOT_1X4_H

#include "mf_dot_1x4_asm.h"
#include "mf_spread.h"

/* Sums of the spread row with columns a and b, k values each. */
MF_INLINE void mf_dot_1x2(
    const uint32_t *row, const int8_t *a, const int8_t *b, int32_t k, int32_t sums[2]) {
  int32_t first = 0, second = 0, left = k;
#pragma GCC unroll 2
  for (; left >= 4; left -= 4, a += 4, b += 4, row += 2) {
    const uint32_t even = row[0], odd = row[1];
    const uint32_t wa = mf_load4(a), wb = mf_load4(b);
    first = mf_dot_pair(even, mf_pair_even(wa), first);
    second = mf_dot_pair(even, mf_pair_even(wb), second);
    first = mf_dot_pair(odd, mf_pair_odd(wa), first);
    second = mf_dot_pair(odd, mf_pair_odd(wb), second);
  }
  if (left > 0) { /* x has zeros where these bytes were taken before */
    const uint32_t wa = k < 4 ? mf_load_tail(a, k) : mf_load4(a + left - 4);
    const uint32_t wb = k < 4 ? mf_load_tail(b, k) : mf_load4(b + left - 4);
    first = mf_dot_pair(row[1], mf_pair_odd(wa), mf_dot_pair(row[0], mf_pair_even(wa), first));
    second = mf_dot_pair(row[1], mf_pair_odd(wb), mf_dot_pair(row[0], mf_pair_even(wb), second));
  }
  sums[0] = first;
  sums[1] = second;
}

/* sums[j] = the spread row times column j of four, k values each, one behind the other. */
MF_INLINE void mf_dot_1x4(
    const uint32_t *row,    /* [ceil(k / 4), 2]: pairs of even and of odd places */
    const int8_t *columns,  /* [4, k] */
    int32_t k, int32_t sums[4]) {
#ifdef MF_DOT_ASM
  if (__builtin_constant_p(k) && k >= 4 && 3 * k + 32 <= 4095) { /* the reach of a load's literal */
    register const uint32_t *x __asm("r0") = row;
    register const int8_t *w __asm("r1") = columns;
    register uint32_t e __asm("r2"), o __asm("r3"), w0 __asm("r4"), w1 __asm("r5");
    register uint32_t w2 __asm("r6"), w3 __asm("r7"), t __asm("r12");
    register const int8_t *end __asm("lr") = columns + (k & ~31);
    register int32_t a0 __asm("r8") = 0, a1 __asm("r9") = 0, a2 __asm("r10") = 0;
    register int32_t a3 __asm("r11") = 0;
    if (k >= 32) {
      MF_LOOP_1X4(k);
    }
    if ((k & 16) != 0) {
      MF_ONCE_1X4(MF_STEPS_4_1X4(0, 0), 32, 16, k);
    }
    if ((k & 8) != 0) {
      MF_ONCE_1X4(MF_STEPS_2_1X4(0, 0), 16, 8, k);
    }
    if ((k & 4) != 0) {
      MF_ONCE_1X4(MF_STEP_1X4(0, 0), 8, 4, k);
    }
    if ((k & 3) != 0) {
      w -= -k & 3; /* the last four bytes, of which x has only those that are left */
      MF_ONCE_1X4(MF_STEP_1X4(0, 0), 8, 4, k);
    }
    sums[0] = a0, sums[1] = a1, sums[2] = a2, sums[3] = a3;
    return;
  }
#endif
  mf_dot_1x2(row, columns, columns + k, k, sums);
  mf_dot_1x2(row, columns + 2 * k, columns + 3 * k, k, sums + 2);
}

#endif
