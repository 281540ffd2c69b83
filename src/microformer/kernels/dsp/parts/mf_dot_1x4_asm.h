/* SPDX-License-Identifier: Apache-2.0 */
/* The loop of mf_dot_1x4.h, written out for Armv7E-M and Armv8-M.
 *
 * Four columns K bytes apart, a literal, so that one address serves all of them and the fourteen
 * registers hold four sums, two addresses, the end, a pair of x of each parity, four words of
 * weights and one that is being spread. Four values of four columns are 6 loads in a row (7
 * cycles), 8 SXTB16 and 8 SMLAD: 23 cycles for 16 products. */
#ifndef MF_DOT_1X4_ASM_H
#define MF_DOT_1X4_ASM_H

#include "mf_dot_2x4_asm.h"

#ifdef MF_DOT_ASM
#define MF_1X4_X(REGISTER, AT) "ldr %[" REGISTER "], [%[x], #" #AT "]\n\t"
#define MF_1X4_W0(AT) "ldr.w %[w0], [%[w], #" #AT "]\n\t"
#define MF_1X4_W1(AT) "ldr.w %[w1], [%[w], #%c[k1] + " #AT "]\n\t"
#define MF_1X4_W2(AT) "ldr.w %[w2], [%[w], #%c[k2] + " #AT "]\n\t"
#define MF_1X4_W3(AT) "ldr.w %[w3], [%[w], #%c[k3] + " #AT "]\n\t"
#define MF_1X4_EVEN(J) "sxtb16 %[t], %[w" #J "]\n\t"
#define MF_1X4_ODD(J) "sxtb16 %[w" #J "], %[w" #J "], ror #8\n\t"
#define MF_1X4_ADD_EVEN(J) "smlad %[a" #J "], %[e], %[t], %[a" #J "]\n\t"
#define MF_1X4_ADD_ODD(J) "smlad %[a" #J "], %[o], %[w" #J "], %[a" #J "]\n\t"

#if MF_DUAL_ISSUE
/* Two instructions a cycle: loads and spreading go with products. */
#define MF_STEP_1X4(X, W)                                                                         \
  MF_1X4_X("e", X) MF_1X4_W0(W) MF_1X4_X("o", X + 4) MF_1X4_EVEN(0) MF_1X4_W1(W)                  \
  MF_1X4_ADD_EVEN(0) MF_1X4_ODD(0) MF_1X4_W2(W) MF_1X4_EVEN(1) MF_1X4_ADD_ODD(0)                  \
  MF_1X4_ODD(1) MF_1X4_ADD_EVEN(1) MF_1X4_W3(W) MF_1X4_EVEN(2) MF_1X4_ADD_ODD(1)                  \
  MF_1X4_ODD(2) MF_1X4_ADD_EVEN(2) MF_1X4_EVEN(3) MF_1X4_ADD_ODD(2) MF_1X4_ODD(3)                 \
  MF_1X4_ADD_EVEN(3) MF_1X4_ADD_ODD(3)
#else
#define MF_STEP_1X4(X, W)                                                                         \
  MF_1X4_X("e", X) MF_1X4_X("o", X + 4) MF_1X4_W0(W) MF_1X4_W1(W) MF_1X4_W2(W) MF_1X4_W3(W)       \
  MF_1X4_EVEN(0) MF_1X4_ADD_EVEN(0) MF_1X4_ODD(0) MF_1X4_ADD_ODD(0)                               \
  MF_1X4_EVEN(1) MF_1X4_ADD_EVEN(1) MF_1X4_ODD(1) MF_1X4_ADD_ODD(1)                               \
  MF_1X4_EVEN(2) MF_1X4_ADD_EVEN(2) MF_1X4_ODD(2) MF_1X4_ADD_ODD(2)                               \
  MF_1X4_EVEN(3) MF_1X4_ADD_EVEN(3) MF_1X4_ODD(3) MF_1X4_ADD_ODD(3)
#endif

#define MF_STEPS_2_1X4(X, W) MF_STEP_1X4(X, W) MF_STEP_1X4(X + 8, W + 4)
#define MF_STEPS_4_1X4(X, W) MF_STEPS_2_1X4(X, W) MF_STEPS_2_1X4(X + 16, W + 8)
#define MF_STEPS_8_1X4 MF_STEPS_4_1X4(0, 0) MF_STEPS_4_1X4(32, 16)

#define MF_1X4_OPERANDS(K)                                                                        \
  : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [x] "+r"(x), [w] "+r"(w),         \
    [e] "=&r"(e), [o] "=&r"(o), [w0] "=&r"(w0), [w1] "=&r"(w1), [w2] "=&r"(w2), [w3] "=&r"(w3),   \
    [t] "=&r"(t), [end] "+r"(end)                                                                 \
  : [k1] "i"(K), [k2] "i"(2 * (K)), [k3] "i"(3 * (K))                                             \
  : "cc", "memory"

#define MF_LOOP_1X4(K)                                                                            \
  __asm volatile("1:\n\t" MF_STEPS_8_1X4 "adds %[x], #64\n\t"                                     \
                 "adds %[w], #32\n\t"                                                             \
                 "cmp %[w], %[end]\n\t"                                                           \
                 "bne 1b\n\t" MF_1X4_OPERANDS(K))

#define MF_ONCE_1X4(STEPS, X_BYTES, W_BYTES, K)                                                   \
  __asm volatile(STEPS "adds %[x], #" #X_BYTES "\n\t"                                             \
                       "adds %[w], #" #W_BYTES "\n\t" MF_1X4_OPERANDS(K))
#endif

#endif
