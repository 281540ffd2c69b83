/* SPDX-License-Identifier: Apache-2.0 */
/* The loops of mf_dot_2x4.h, written out for Armv7E-M and Armv8-M. */
#ifndef MF_DOT_2X4_ASM_H
#define MF_DOT_2X4_ASM_H

#include "mf_dsp.h"

#ifndef MF_DUAL_ISSUE
#define MF_DUAL_ISSUE 0 /* 1: the core issues a load and a product in one cycle, as the M7 */
#endif

#ifdef __OPTIMIZE_SIZE__
#define MF_SPEED 0
#else
#define MF_SPEED 1 /* straight code where a loop would take two turns */
#endif

#if MF_HAS_DSP && defined(__OPTIMIZE__)
#define MF_DOT_ASM 1
/* Compilers spill here and part the loads, so the loop is written out. It needs all fourteen
 * registers: eight sums, two addresses, four operands; the end is kept on the stack. Registers are
 * named because no allocator finds a place for all. Loads in a row overlap: a pair costs 8 cycles
 * for its 6 loads and 8 for its 16 products. */
#if MF_DUAL_ISSUE
/* Two instructions a cycle: but for the first two, every load goes with a product: 9 cycles. */
#define MF_PAIR_AT(X, Y, W)                   \
  "ldr %[a], [%[x], #" #X "]\n\t"             \
  "ldr %[c], [%[w], #" #W "]\n\t"             \
  "ldr %[b], [%[x], #" #Y "]\n\t"             \
  "smlad %[a0], %[a], %[c], %[a0]\n\t"        \
  "ldr %[d], [%[w], #" #W " + 4]\n\t"         \
  "smlad %[b0], %[b], %[c], %[b0]\n\t"        \
  "smlad %[a1], %[a], %[d], %[a1]\n\t"        \
  "ldr %[c], [%[w], #" #W " + 8]\n\t"         \
  "smlad %[b1], %[b], %[d], %[b1]\n\t"        \
  "ldr %[d], [%[w], #" #W " + 12]\n\t"        \
  "smlad %[a2], %[a], %[c], %[a2]\n\t"        \
  "smlad %[b2], %[b], %[c], %[b2]\n\t"        \
  "smlad %[a3], %[a], %[d], %[a3]\n\t"        \
  "smlad %[b3], %[b], %[d], %[b3]\n\t"

/* The first pair sets the sums. */
#define MF_FIRST_AT(Y)                          \
  "ldr %[a], [%[x], #0]\n\t"                  \
  "ldr %[c], [%[w], #0]\n\t"                  \
  "ldr %[b], [%[x], #" Y "]\n\t"                  \
  "smuad %[a0], %[a], %[c]\n\t"               \
  "ldr %[d], [%[w], #4]\n\t"                  \
  "smuad %[b0], %[b], %[c]\n\t"               \
  "smuad %[a1], %[a], %[d]\n\t"               \
  "ldr %[c], [%[w], #8]\n\t"                  \
  "smuad %[b1], %[b], %[d]\n\t"               \
  "ldr %[d], [%[w], #12]\n\t"                 \
  "smuad %[a2], %[a], %[c]\n\t"               \
  "smuad %[b2], %[b], %[c]\n\t"               \
  "smuad %[a3], %[a], %[d]\n\t"               \
  "smuad %[b3], %[b], %[d]\n\t"
#else
#define MF_PAIR_AT(X, Y, W)               \
  "ldr %[a], [%[x], #" #X "]\n\t"         \
  "ldr %[b], [%[x], #" #Y "]\n\t"         \
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
#define MF_FIRST_AT(Y)                      \
  "ldr %[a], [%[x], #0]\n\t"              \
  "ldr %[b], [%[x], #" Y "]\n\t"              \
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
#endif

/* Rows whose pairs lie side by side. */
#define MF_PAIR_2X4(X, W) MF_PAIR_AT(X, X + 4, W)

#define MF_PAIRS_8(X, W)                                                                          \
  MF_PAIR_2X4(X, W) MF_PAIR_2X4(X + 8, W + 16) MF_PAIR_2X4(X + 16, W + 32)                        \
  MF_PAIR_2X4(X + 24, W + 48) MF_PAIR_2X4(X + 32, W + 64) MF_PAIR_2X4(X + 40, W + 80)             \
  MF_PAIR_2X4(X + 48, W + 96) MF_PAIR_2X4(X + 56, W + 112)

#define MF_FIRST_2X4 MF_FIRST_AT("4")

#define MF_SUMS_2X4 MF_SUMS_AND("+r")
#define MF_SUMS_AND(HOW)                                                                          \
  [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [b0] "+r"(b0), [b1] "+r"(b1),       \
      [b2] "+r"(b2), [b3] "+r"(b3), [x] "+r"(x), [w] "+r"(w), [a] HOW(a), [b] "=&r"(b),           \
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

/* Sets the sums from sixteen pairs. */
#define MF_STRAIGHT_16_2X4                                                                        \
  __asm volatile(MF_FIRST_2X4 MF_PAIR_2X4(8, 16) MF_PAIR_2X4(16, 32)                              \
                 MF_PAIR_2X4(24, 48) MF_PAIR_2X4(32, 64) MF_PAIR_2X4(40, 80)                      \
                 MF_PAIR_2X4(48, 96) MF_PAIR_2X4(56, 112) MF_PAIRS_8(64, 128)                     \
                 "adds %[x], #128\n\t"                                                            \
                 "add.w %[w], %[w], #256\n\t"                                                     \
                 : [a0] "=&r"(a0), [a1] "=&r"(a1), [a2] "=&r"(a2), [a3] "=&r"(a3),                \
                   [b0] "=&r"(b0), [b1] "=&r"(b1), [b2] "=&r"(b2), [b3] "=&r"(b3),                \
                   [x] "+r"(x), [w] "+r"(w), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c),            \
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
                       "add.w %[w], %[w], #" #W_BYTES "\n\t"                                             \
                 : MF_SUMS_2X4                                                                    \
                 :                                                                                \
                 : "cc", "memory")

/* Rows that lie a literal number of bytes apart. */
#define MF_PAIR_APART(X, W) MF_PAIR_AT(X, X + %c[apart], W)
#define MF_APART_2(X, W) MF_PAIR_APART(X, W) MF_PAIR_APART(X + 4, W + 16)
#define MF_APART_4(X, W) MF_APART_2(X, W) MF_APART_2(X + 8, W + 32)
#define MF_APART_8(X, W) MF_APART_4(X, W) MF_APART_4(X + 16, W + 64)
#define MF_APART_16(X, W) MF_APART_8(X, W) MF_APART_8(X + 32, W + 128)

#define MF_APART_LOOP(D)                                                                          \
  __asm volatile("push {%[a]}\n\t"                                                                \
                 "1:\n\t" MF_APART_16(0, 0) "adds %[x], #64\n\t"                                  \
                 "ldr %[a], [sp]\n\t"                                                             \
                 "add.w %[w], %[w], #256\n\t"                                                     \
                 "cmp %[w], %[a]\n\t"                                                             \
                 "bne 1b\n\t"                                                                     \
                 "add sp, #4\n\t"                                                                 \
                 : MF_SUMS_2X4                                                                    \
                 : [apart] "i"(D)                                                                   \
                 : "cc", "memory")

#define MF_APART_ONCE(PAIRS, X_BYTES, W_BYTES, D)                                                 \
  __asm volatile(PAIRS "adds %[x], #" #X_BYTES "\n\t"                                             \
                       "add.w %[w], %[w], #" #W_BYTES "\n\t"                                      \
                 : MF_SUMS_AND("=&r")                                                             \
                 : [apart] "i"(D)                                                                   \
                 : "cc", "memory")

/* The first pair of all: it sets the sums. */
#define MF_APART_FIRST(D)                                                                         \
  __asm volatile(MF_FIRST_AT("%c[apart]") "adds %[x], #4\n\t"                                     \
                                          "adds %[w], #16\n\t"                                    \
                 : [a0] "=&r"(a0), [a1] "=&r"(a1), [a2] "=&r"(a2), [a3] "=&r"(a3),                \
                   [b0] "=&r"(b0), [b1] "=&r"(b1), [b2] "=&r"(b2), [b3] "=&r"(b3),                \
                   [x] "+&r"(x), [w] "+&r"(w), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c),          \
                   [d] "=&r"(d)                                                                   \
                 : [apart] "i"(D)                                                                 \
                 : "cc", "memory")

/* Rows that lie anywhere: x and y. A register less for operands, so each word of weights is a load of
 * its own: 19 cycles for 16 products. */
#define MF_PAIR_FAR                                       \
  "ldr %[a], [%[x]], #4\n\t"                              \
  "ldr %[b], [%[y]], #4\n\t"                              \
  "ldr %[c], [%[w]], #4\n\t"                              \
  "smlad %[a0], %[a], %[c], %[a0]\n\t"                    \
  "smlad %[b0], %[b], %[c], %[b0]\n\t"                    \
  "ldr %[c], [%[w]], #4\n\t"                              \
  "smlad %[a1], %[a], %[c], %[a1]\n\t"                    \
  "smlad %[b1], %[b], %[c], %[b1]\n\t"                    \
  "ldr %[c], [%[w]], #4\n\t"                              \
  "smlad %[a2], %[a], %[c], %[a2]\n\t"                    \
  "smlad %[b2], %[b], %[c], %[b2]\n\t"                    \
  "ldr %[c], [%[w]], #4\n\t"                              \
  "smlad %[a3], %[a], %[c], %[a3]\n\t"                    \
  "smlad %[b3], %[b], %[c], %[b3]\n\t"

/* Adds PAIRS until w has reached the address in c. */
#define MF_FAR_LOOP(PAIRS)                                                                        \
  __asm volatile("push {%[c]}\n\t"                                                                \
                 "1:\n\t" PAIRS "ldr %[c], [sp]\n\t"                                              \
                 "cmp %[w], %[c]\n\t"                                                             \
                 "bne 1b\n\t"                                                                     \
                 "add sp, #4\n\t"                                                                 \
                 : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [b0] "+r"(b0),     \
                   [b1] "+r"(b1), [b2] "+r"(b2), [b3] "+r"(b3), [x] "+r"(x), [y] "+r"(y),         \
                   [w] "+r"(w), [a] "=&r"(a), [b] "=&r"(b), [c] "+r"(c)                           \
                 :                                                                                \
                 : "cc", "memory")

/* What is left of so many words behind sixteens. */
#define MF_APART_REST(WORDS, D)                                                                   \
  do {                                                                                            \
    if (((WORDS) & 8) != 0) {                                                                     \
      MF_APART_ONCE(MF_APART_8(0, 0), 32, 128, D);                                                \
    }                                                                                             \
    if (((WORDS) & 4) != 0) {                                                                     \
      MF_APART_ONCE(MF_APART_4(0, 0), 16, 64, D);                                                 \
    }                                                                                             \
    if (((WORDS) & 2) != 0) {                                                                     \
      MF_APART_ONCE(MF_APART_2(0, 0), 8, 32, D);                                                  \
    }                                                                                             \
    if (((WORDS) & 1) != 0) {                                                                     \
      MF_APART_ONCE(MF_PAIR_APART(0, 0), 4, 16, D);                                               \
    }                                                                                             \
  } while (0)

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

#endif
