/* The inner loop of the matrix products of family dsp: two rows by four columns of int16 pairs. */
#ifndef MF_DOT_2X4_H
#define MF_DOT_2X4_H

#include "mf_dsp.h"

#if MF_HAS_DSP && defined(__OPTIMIZE__)
/* Compilers spill here and part the loads, so the loop is written out. It needs all fourteen
 * registers: eight sums, two addresses, four operands; the end is kept on the stack. Registers are
 * named because no allocator finds a place for all, and so that loads take two bytes each. Loads
 * in a row overlap: a pair costs 8 cycles for its 6 loads and 8 for its 16 products. */
#define MF_PAIR_2X4(X, W)                 \
  "ldr %[a], [%[x], #" #X "]\n\t"         \
  "ldr %[b], [%[x], #" #X " + 4]\n\t"     \
  "ldr %[c], [%[w], #" #W "]\n\t"         \
  "ldr %[d], [%[w], #" #W " + 4]\n\t"     \
  "smlad %[a0], %[a], %[c], %[a0]\n\t"    \
  "smlad %[b0], %[b], %[c], %[b0]\n\t"    \
  "smlad %[a1], %[a], %[d], %[a1]\n\t"    \
  "smlad %[b1], %[b], %[d], %[b1]\n\t"    \
  "ldr %[c], [%[w], #" #W " + 8]\n\t"     \
  "ldr %[d], [%[w], #" #W " + 12]\n\t"    \
  "smlad %[a2], %[a], %[c], %[a2]\n\t"    \
  "smlad %[b2], %[b], %[c], %[b2]\n\t"    \
  "smlad %[a3], %[a], %[d], %[a3]\n\t"    \
  "smlad %[b3], %[b], %[d], %[b3]\n\t"

#define MF_LOOP_2X4(PAIRS, X_BYTES, W_BYTES)                                                   \
  __asm volatile("push {%[a]}\n\t"                                                             \
                 "1:\n\t" PAIRS "adds %[x], #" #X_BYTES "\n\t"                                 \
                 "ldr %[a], [sp]\n\t"                                                          \
                 "adds %[w], #" #W_BYTES "\n\t"                                                \
                 "cmp %[w], %[a]\n\t"                                                          \
                 "bne 1b\n\t"                                                                  \
                 "add sp, #4\n\t"                                                              \
                 : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [b0] "+r"(b0),  \
                   [b1] "+r"(b1), [b2] "+r"(b2), [b3] "+r"(b3), [x] "+r"(x), [w] "+r"(w),      \
                   [a] "+r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d)                       \
                 :                                                                             \
                 : "cc", "memory")
#endif

/* acc[4 i + j] += sum of x row i by w column j; words is even and positive. */
static inline void mf_dot_2x4(
    const uint32_t *rows,    /* [words, 2] */
    const uint32_t *columns, /* [words, 4] */
    int32_t words, int32_t acc[8]) {
#if MF_HAS_DSP && defined(__OPTIMIZE__)
  register const uint32_t *x __asm("r0") = rows;
  register const uint32_t *w __asm("r1") = columns;
  register uint32_t a __asm("r2"), b __asm("r3"), c __asm("r4"), d __asm("r5");
  register int32_t a0 __asm("r6") = acc[0], a1 __asm("r7") = acc[1], a2 __asm("r8") = acc[2];
  register int32_t a3 __asm("r9") = acc[3], b0 __asm("r10") = acc[4], b1 __asm("r11") = acc[5];
  register int32_t b2 __asm("r12") = acc[6], b3 __asm("lr") = acc[7];
  if (words >= 8) {
    a = (uint32_t)(w + 4 * (words & ~7)); /* where the loop ends */
    MF_LOOP_2X4(MF_PAIR_2X4(0, 0) MF_PAIR_2X4(8, 16) MF_PAIR_2X4(16, 32) MF_PAIR_2X4(24, 48)
                MF_PAIR_2X4(32, 64) MF_PAIR_2X4(40, 80) MF_PAIR_2X4(48, 96)
                MF_PAIR_2X4(56, 112), 64, 128);
  }
  if ((words & 7) != 0) {
    a = (uint32_t)(w + 4 * (words & 7));
    MF_LOOP_2X4(MF_PAIR_2X4(0, 0) MF_PAIR_2X4(8, 16), 16, 32);
  }
#else
  const uint32_t *x = rows;
  const uint32_t *w = columns;
  int32_t a0 = acc[0], a1 = acc[1], a2 = acc[2], a3 = acc[3];
  int32_t b0 = acc[4], b1 = acc[5], b2 = acc[6], b3 = acc[7];
  for (int32_t i = 0; i < words; i++, x += 2, w += 4) {
    const uint32_t a = x[0], b = x[1];
    uint32_t c = w[0], d = w[1];
    a0 = mf_dot_pair(a, c, a0), b0 = mf_dot_pair(b, c, b0);
    a1 = mf_dot_pair(a, d, a1), b1 = mf_dot_pair(b, d, b1);
    c = w[2], d = w[3];
    a2 = mf_dot_pair(a, c, a2), b2 = mf_dot_pair(b, c, b2);
    a3 = mf_dot_pair(a, d, a3), b3 = mf_dot_pair(b, d, b3);
  }
#endif
  acc[0] = a0, acc[1] = a1, acc[2] = a2, acc[3] = a3;
  acc[4] = b0, acc[5] = b1, acc[6] = b2, acc[7] = b3;
}

#endif
