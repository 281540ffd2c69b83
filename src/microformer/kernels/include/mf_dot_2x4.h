/* The inner loop of the matrix products of family dsp: two rows by four columns of int16 pairs. */
#ifndef MF_DOT_2X4_H
#define MF_DOT_2X4_H

#include "mf_dsp.h"

/* Words behind a panel of columns: mult and add of each of its four columns. */
#define MF_PANEL_TAIL 8

#if MF_HAS_DSP && defined(__OPTIMIZE__)
#define MF_DOT_ASM 1
/* Compilers spill here and part the loads, so the loop is written out. It needs all fourteen
 * registers: eight sums, two addresses, four operands; the end is kept on the stack. Registers are
 * named because no allocator finds a place for all. Loads in a row overlap: a pair costs 8 cycles
 * for its 6 loads and 8 for its 16 products. */
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

/* The first pair sets the sums. */
#define MF_FIRST_2X4                      \
  "ldr %[a], [%[x], #0]\n\t"              \
  "ldr %[b], [%[x], #4]\n\t"              \
  "ldr %[c], [%[w], #0]\n\t"              \
  "ldr %[d], [%[w], #4]\n\t"              \
  "smuad %[a0], %[a], %[c]\n\t"           \
  "smuad %[b0], %[b], %[c]\n\t"           \
  "smuad %[a1], %[a], %[d]\n\t"           \
  "smuad %[b1], %[b], %[d]\n\t"           \
  "ldr %[c], [%[w], #8]\n\t"              \
  "ldr %[d], [%[w], #12]\n\t"             \
  "smuad %[a2], %[a], %[c]\n\t"           \
  "smuad %[b2], %[b], %[c]\n\t"           \
  "smuad %[a3], %[a], %[d]\n\t"           \
  "smuad %[b3], %[b], %[d]\n\t"

#define MF_PAIRS_8(X, W)                                                                          \
  MF_PAIR_2X4(X, W) MF_PAIR_2X4(X + 8, W + 16) MF_PAIR_2X4(X + 16, W + 32)                        \
  MF_PAIR_2X4(X + 24, W + 48) MF_PAIR_2X4(X + 32, W + 64) MF_PAIR_2X4(X + 40, W + 80)             \
  MF_PAIR_2X4(X + 48, W + 96) MF_PAIR_2X4(X + 56, W + 112)

#define MF_SUMS_2X4                                                                               \
  [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [b0] "+r"(b0), [b1] "+r"(b1),       \
      [b2] "+r"(b2), [b3] "+r"(b3), [x] "+r"(x), [w] "+r"(w), [a] "+r"(a), [b] "=&r"(b),          \
      [c] "=&r"(c), [d] "=&r"(d)

/* Sets the sums from sixteen pairs a turn, until w has reached the address in a. */
#define MF_LOOP_16_2X4                                                                            \
  __asm volatile("push {%[a]}\n\t" MF_FIRST_2X4                                                   \
                 "b 2f\n\t"                                                                       \
                 "1:\n\t" MF_PAIR_2X4(0, 0) "2:\n\t" MF_PAIR_2X4(8, 16) MF_PAIR_2X4(16, 32)       \
                 MF_PAIR_2X4(24, 48) MF_PAIR_2X4(32, 64) MF_PAIR_2X4(40, 80)                      \
                 MF_PAIR_2X4(48, 96) MF_PAIR_2X4(56, 112) MF_PAIRS_8(64, 128)                     \
                 "adds %[x], #128\n\t"                                                            \
                 "ldr %[a], [sp]\n\t"                                                             \
                 "add.w %[w], %[w], #256\n\t"                                                     \
                 "cmp %[w], %[a]\n\t"                                                             \
                 "bne 1b\n\t"                                                                     \
                 "add sp, #4\n\t"                                                                 \
                 : [a0] "=&r"(a0), [a1] "=&r"(a1), [a2] "=&r"(a2), [a3] "=&r"(a3),                \
                   [b0] "=&r"(b0), [b1] "=&r"(b1), [b2] "=&r"(b2), [b3] "=&r"(b3),                \
                   [x] "+r"(x), [w] "+r"(w), [a] "+r"(a), [b] "=&r"(b), [c] "=&r"(c),             \
                   [d] "=&r"(d)                                                                   \
                 :                                                                                \
                 : "cc", "memory")

/* Adds PAIRS until w has reached the address in a. */
#define MF_LOOP_2X4(PAIRS, X_BYTES, W_BYTES)                                                      \
  __asm volatile("push {%[a]}\n\t"                                                                \
                 "1:\n\t" PAIRS "adds %[x], #" #X_BYTES "\n\t"                                    \
                 "ldr %[a], [sp]\n\t"                                                             \
                 "adds %[w], #" #W_BYTES "\n\t"                                                   \
                 "cmp %[w], %[a]\n\t"                                                             \
                 "bne 1b\n\t"                                                                     \
                 "add sp, #4\n\t"                                                                 \
                 : MF_SUMS_2X4                                                                    \
                 :                                                                                \
                 : "cc", "memory")

#define MF_ONCE_2X4(PAIRS, X_BYTES, W_BYTES)                                                      \
  __asm volatile(PAIRS "adds %[x], #" #X_BYTES "\n\t"                                             \
                       "adds %[w], #" #W_BYTES "\n\t"                                             \
                 : MF_SUMS_2X4                                                                    \
                 :                                                                                \
                 : "cc", "memory")

/* The panel's tail: sum = sum * mult + add, column by column. */
#define MF_SCALE_2X4                     \
  "ldm %[w]!, {%[a], %[b], %[c], %[d]}\n\t" \
  "mla %[a0], %[a0], %[a], %[b]\n\t"     \
  "mla %[b0], %[b0], %[a], %[b]\n\t"     \
  "mla %[a1], %[a1], %[c], %[d]\n\t"     \
  "mla %[b1], %[b1], %[c], %[d]\n\t"     \
  "ldm %[w]!, {%[a], %[b], %[c], %[d]}\n\t" \
  "mla %[a2], %[a2], %[a], %[b]\n\t"     \
  "mla %[b2], %[b2], %[a], %[b]\n\t"     \
  "mla %[a3], %[a3], %[c], %[d]\n\t"     \
  "mla %[b3], %[b3], %[c], %[d]\n\t"
#endif

/* sums[4 i + j] = x row i times w column j; with `scaled`, times mult plus add of the column.
 * words is even and positive. Returns the address behind the two rows of x. */
static inline const uint32_t *mf_dot_2x4(
    const uint32_t *rows,    /* [words, 2] */
    const uint32_t *columns, /* [words, 4], then [4, 2]: mult and add, read if `scaled` */
    int32_t words, int32_t scaled, int32_t sums[8]) {
#ifdef MF_DOT_ASM
  register const uint32_t *x __asm("r0") = rows;
  register const uint32_t *w __asm("r1") = columns;
  register uint32_t a __asm("r2"), b __asm("r3"), c __asm("r4"), d __asm("r5");
  register int32_t a0 __asm("r6"), a1 __asm("r7"), a2 __asm("r8"), a3 __asm("r9");
  register int32_t b0 __asm("r10"), b1 __asm("r11"), b2 __asm("r12"), b3 __asm("lr");
  if (words >= 16) {
    a = (uint32_t)(w + 4 * (words & ~15)); /* where the loop ends */
    MF_LOOP_16_2X4;
  } else {
    a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0, a = 0;
  }
  if ((words & 8) != 0) {
    MF_ONCE_2X4(MF_PAIRS_8(0, 0), 64, 128);
  }
  if ((words & 7) != 0) {
    a = (uint32_t)(w + 4 * (words & 7));
    MF_LOOP_2X4(MF_PAIR_2X4(0, 0) MF_PAIR_2X4(8, 16), 16, 32);
  }
  if (scaled) {
    __asm volatile(MF_SCALE_2X4 : MF_SUMS_2X4 : : "memory");
  }
#else
  const uint32_t *x = rows;
  const uint32_t *w = columns;
  int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
  for (int32_t i = 0; i < words; i++, x += 2, w += 4) {
    const uint32_t a = x[0], b = x[1];
    uint32_t c = w[0], d = w[1];
    a0 = mf_dot_pair(a, c, a0), b0 = mf_dot_pair(b, c, b0);
    a1 = mf_dot_pair(a, d, a1), b1 = mf_dot_pair(b, d, b1);
    c = w[2], d = w[3];
    a2 = mf_dot_pair(a, c, a2), b2 = mf_dot_pair(b, c, b2);
    a3 = mf_dot_pair(a, d, a3), b3 = mf_dot_pair(b, d, b3);
  }
  if (scaled) {
    const int32_t *tail = (const int32_t *)w;
    a0 = a0 * tail[0] + tail[1], b0 = b0 * tail[0] + tail[1];
    a1 = a1 * tail[2] + tail[3], b1 = b1 * tail[2] + tail[3];
    a2 = a2 * tail[4] + tail[5], b2 = b2 * tail[4] + tail[5];
    a3 = a3 * tail[6] + tail[7], b3 = b3 * tail[6] + tail[7];
  }
#endif
  sums[0] = a0, sums[1] = a1, sums[2] = a2, sums[3] = a3;
  sums[4] = b0, sums[5] = b1, sums[6] = b2, sums[7] = b3;
  return x;
}

/* Stores a tile: two rows n apart (one if only one is left), `width` columns. */
static inline void mf_store_2x4(
    int8_t *to, int32_t n, int32_t left, int32_t width, const int32_t value[8]) {
  if (width == 4) {
    to[0] = (int8_t)value[0], to[1] = (int8_t)value[1];
    to[2] = (int8_t)value[2], to[3] = (int8_t)value[3];
    if (left > 1) {
      to[n] = (int8_t)value[4], to[n + 1] = (int8_t)value[5];
      to[n + 2] = (int8_t)value[6], to[n + 3] = (int8_t)value[7];
    }
    return;
  }
  for (int32_t j = 0; j < width; j++) {
    to[j] = (int8_t)value[j];
    if (left > 1) {
      to[n + j] = (int8_t)value[4 + j];
    }
  }
}

#endif
