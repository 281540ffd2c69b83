/* SPDX-License-Identifier: Apache-2.0 */
/* The loops of mf_mve.h, written out: two rows by four columns, sixteen values a step.
 *
 * VMLADAV adds only to even registers: r0, r2, ... r14 are the eight sums, addresses take odd ones. Loads and products go to different pipes, so they alternate;
 * the next step's first loads stand before this step's last products. */
#ifndef MF_MVE_ASM_H
#define MF_MVE_ASM_H

/* The first row's and the first column's values of a step, behind nothing that hides them. */
#define MF_MVE_BEGIN                                                    \
  "vldrb.u8 q0, [%[x0]], #16\n\t"                                       \
  "vldrb.u8 q2, [%[w]], #16\n\t"

/* A step on rows in XA and XB (the second is loaded here). LOAD_X and LOAD_W, empty in the last step,
 * begin the next one. T is a.s8 or a.u8, or without a: then the products set the sums. */
#define MF_MVE_PRODUCTS(T, XA, XB, LOAD_X, LOAD_W)                      \
  "vmladav" T " %[a0], " XA ", q2\n\t"                                \
  "vldrb.u8 " XB ", [%[x1]], #16\n\t"                                   \
  "vmladav" T " %[b0], " XB ", q2\n\t"                                \
  "vldrb.u8 q3, [%[w]], #16\n\t"                                        \
  "vmladav" T " %[a1], " XA ", q3\n\t"                                \
  "vldrb.u8 q2, [%[w]], #16\n\t"                                        \
  "vmladav" T " %[b1], " XB ", q3\n\t"                                \
  "vldrb.u8 q3, [%[w]], #16\n\t"                                        \
  "vmladav" T " %[a2], " XA ", q2\n\t"                                \
  LOAD_X "vmladav" T " %[b2], " XB ", q2\n\t"                         \
  LOAD_W "vmladav" T " %[a3], " XA ", q3\n\t"                         \
  "vmladav" T " %[b3], " XB ", q3\n\t"

#define MF_MVE_EVEN(T) /* rows in q0 and q1, the next step's first in q4 */                       \
  MF_MVE_PRODUCTS(T, "q0", "q1", "vldrb.u8 q4, [%[x0]], #16\n\t", "vldrb.u8 q2, [%[w]], #16\n\t")
#define MF_MVE_ODD(T) /* rows in q4 and q5, the next step's first in q0 */                        \
  MF_MVE_PRODUCTS(T, "q4", "q5", "vldrb.u8 q0, [%[x0]], #16\n\t", "vldrb.u8 q2, [%[w]], #16\n\t")

/* The last step, of rows in q0 and q1 or in q4 and q5. */
#define MF_MVE_LAST_EVEN(T) MF_MVE_PRODUCTS(T, "q0", "q1", "", "")
#define MF_MVE_LAST_ODD(T) MF_MVE_PRODUCTS(T, "q4", "q5", "", "")

/* One to four steps, the first of which may set the sums. */
#define MF_MVE_STEPS_1(S, T) MF_MVE_BEGIN MF_MVE_LAST_EVEN(S)
#define MF_MVE_STEPS_2(S, T) MF_MVE_BEGIN MF_MVE_EVEN(S) MF_MVE_LAST_ODD(T)
#define MF_MVE_STEPS_3(S, T) MF_MVE_BEGIN MF_MVE_EVEN(S) MF_MVE_ODD(T) MF_MVE_LAST_EVEN(T)
#define MF_MVE_STEPS_4(S, T)                                                                      \
  MF_MVE_BEGIN MF_MVE_EVEN(S) MF_MVE_ODD(T) MF_MVE_EVEN(T) MF_MVE_LAST_ODD(T)

/* The last `count` < 16 values of the rows; nothing behind them is read. The predicate register is
 * put back: compilers keep predicates in it, and know no name by which to say that it changes. */
#define MF_MVE_TAIL(T)                              \
  "vmrs %[save], p0\n\t"                            \
  "vctp.8 %[count]\n\t"                             \
  "vpstt\n\t"                                       \
  "vldrbt.u8 q0, [%[x0]]\n\t"                       \
  "vldrbt.u8 q1, [%[x1]]\n\t"                       \
  "vldrb.u8 q2, [%[w]], #16\n\t"                    \
  "vmladav" T " %[a0], q0, q2\n\t"                \
  "vmladav" T " %[b0], q1, q2\n\t"                \
  "vldrb.u8 q3, [%[w]], #16\n\t"                    \
  "vmladav" T " %[a1], q0, q3\n\t"                \
  "vmladav" T " %[b1], q1, q3\n\t"                \
  "vldrb.u8 q2, [%[w]], #16\n\t"                    \
  "vmladav" T " %[a2], q0, q2\n\t"                \
  "vmladav" T " %[b2], q1, q2\n\t"                \
  "vldrb.u8 q3, [%[w]], #16\n\t"                    \
  "vmladav" T " %[a3], q0, q3\n\t"                \
  "vmladav" T " %[b3], q1, q3\n\t" \
  "vmsr p0, %[save]\n\t"

#define MF_MVE_SUMS                                                                               \
  [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [b0] "+r"(b0), [b1] "+r"(b1),       \
      [b2] "+r"(b2), [b3] "+r"(b3), [x0] "+r"(x0), [x1] "+r"(x1), [w] "+r"(w), [count] "+r"(count)

#define MF_MVE_CLOBBERS "cc", "memory", "q0", "q1", "q2", "q3", "q4", "q5"

/* BODY sets the sums. */
#define MF_MVE_SET(BODY)                                                                          \
  __asm volatile(BODY                                                                             \
                 : [a0] "=&r"(a0), [a1] "=&r"(a1), [a2] "=&r"(a2), [a3] "=&r"(a3),                \
                   [b0] "=&r"(b0), [b1] "=&r"(b1), [b2] "=&r"(b2), [b3] "=&r"(b3),                \
                   [x0] "+r"(x0), [x1] "+r"(x1), [w] "+r"(w)                                      \
                 :                                                                                \
                 : MF_MVE_CLOBBERS)

#define MF_MVE_LOOP(BODY)                                                                         \
  __asm volatile("1:\n\t" BODY "subs %[count], #1\n\t"                                          \
                 "bne 1b\n\t"                                                                     \
                 : MF_MVE_SUMS                                                                    \
                 :                                                                                \
                 : MF_MVE_CLOBBERS)

/* One row by four columns where they lie in memory, sixteen values a step: five loads, of which each
 * hides the product before it. */
#define MF_MVE_ROW_STEP                      \
  "vldrb.u8 q0, [%[x]], #16\n\t"             \
  "vldrb.u8 q1, [%[w0]], #16\n\t"            \
  "vmladava.s8 %[a0], q0, q1\n\t"            \
  "vldrb.u8 q2, [%[w1]], #16\n\t"            \
  "vmladava.s8 %[a1], q0, q2\n\t"            \
  "vldrb.u8 q1, [%[w2]], #16\n\t"            \
  "vmladava.s8 %[a2], q0, q1\n\t"            \
  "vldrb.u8 q2, [%[w3]], #16\n\t"            \
  "vmladava.s8 %[a3], q0, q2\n\t"

/* The last `count` < 16 values; nothing behind them is read. */
#define MF_MVE_ROW_TAIL                      \
  "vmrs %[save], p0\n\t"                     \
  "vctp.8 %[count]\n\t"                      \
  "vpstt\n\t"                                \
  "vldrbt.u8 q0, [%[x]]\n\t"                 \
  "vldrbt.u8 q1, [%[w0]]\n\t"                \
  "vmladava.s8 %[a0], q0, q1\n\t"            \
  "vpst\n\t"                                 \
  "vldrbt.u8 q2, [%[w1]]\n\t"                \
  "vmladava.s8 %[a1], q0, q2\n\t"            \
  "vpst\n\t"                                 \
  "vldrbt.u8 q1, [%[w2]]\n\t"                \
  "vmladava.s8 %[a2], q0, q1\n\t"            \
  "vpst\n\t"                                 \
  "vldrbt.u8 q2, [%[w3]]\n\t"                \
  "vmladava.s8 %[a3], q0, q2\n\t"            \
  "vmsr p0, %[save]\n\t"

#define MF_MVE_ROW_SUMS                                                                           \
  [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [x] "+r"(from), [w0] "+r"(w0),      \
      [w1] "+r"(w1), [w2] "+r"(w2), [w3] "+r"(w3), [count] "+r"(count)

#define MF_MVE_ROW_LOOP(BODY)                                                                     \
  __asm volatile("1:\n\t" BODY "le %[count], 1b\n\t"                                            \
                 : MF_MVE_ROW_SUMS                                                                \
                 :                                                                                \
                 : "cc", "memory", "q0", "q1", "q2")

#define MF_MVE_ROW_ONCE(BODY)                                                                     \
  __asm volatile(BODY                                                                             \
                 : MF_MVE_ROW_SUMS, [save] "=&r"(save)                                            \
                 :                                                                                \
                 : "cc", "memory", "q0", "q1", "q2")

#define MF_MVE_ADD(BODY) __asm volatile(BODY : MF_MVE_SUMS : : MF_MVE_CLOBBERS)

#define MF_MVE_ONCE(BODY)                                                                         \
  __asm volatile(BODY : MF_MVE_SUMS, [save] "=&r"(save) : : MF_MVE_CLOBBERS)

/* All whole steps of k values. Where k is a literal the first ones set the sums, if ADDS is 0, and no
 * loop is left of few; else the sums are set to zero. */
#define MF_MVE_WHOLE(T, ADDS)                                                                     \
  do {                                                                                            \
    int32_t steps = k >> 4;                                                                       \
    if (ADDS) {                                                                                   \
    } else if (__builtin_constant_p(k) && k >= 16) {                                              \
      if (steps >= 4) {                                                                           \
        MF_MVE_SET(MF_MVE_STEPS_4(T, "a" T));                                                     \
      } else if (steps == 3) {                                                                    \
        MF_MVE_SET(MF_MVE_STEPS_3(T, "a" T));                                                     \
      } else if (steps == 2) {                                                                    \
        MF_MVE_SET(MF_MVE_STEPS_2(T, "a" T));                                                     \
      } else {                                                                                    \
        MF_MVE_SET(MF_MVE_STEPS_1(T, "a" T));                                                     \
      }                                                                                           \
      steps -= steps < 4 ? steps : 4;                                                             \
    } else {                                                                                      \
      a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;                             \
    }                                                                                             \
    if (steps >= 4) {                                                                             \
      count = steps >> 2;                                                                         \
      MF_MVE_LOOP(MF_MVE_STEPS_4("a" T, "a" T));                                                  \
    }                                                                                             \
    if (__builtin_constant_p(k)) {                                                                \
      if ((steps & 3) == 3) {                                                                     \
        MF_MVE_ADD(MF_MVE_STEPS_3("a" T, "a" T));                                                 \
      } else if ((steps & 3) == 2) {                                                              \
        MF_MVE_ADD(MF_MVE_STEPS_2("a" T, "a" T));                                                 \
      } else if ((steps & 3) == 1) {                                                              \
        MF_MVE_ADD(MF_MVE_STEPS_1("a" T, "a" T));                                                 \
      }                                                                                           \
    } else if ((steps & 3) != 0) {                                                                \
      count = steps & 3;                                                                          \
      MF_MVE_LOOP(MF_MVE_STEPS_1("a" T, "a" T));                                                  \
    }                                                                                             \
  } while (0)

#endif
