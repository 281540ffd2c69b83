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
 * begin the next one. T is s8 or u8. */
#define MF_MVE_PRODUCTS(T, XA, XB, LOAD_X, LOAD_W)                      \
  "vmladava." T " %[a0], " XA ", q2\n\t"                                \
  "vldrb.u8 " XB ", [%[x1]], #16\n\t"                                   \
  "vmladava." T " %[b0], " XB ", q2\n\t"                                \
  "vldrb.u8 q3, [%[w]], #16\n\t"                                        \
  "vmladava." T " %[a1], " XA ", q3\n\t"                                \
  "vldrb.u8 q2, [%[w]], #16\n\t"                                        \
  "vmladava." T " %[b1], " XB ", q3\n\t"                                \
  "vldrb.u8 q3, [%[w]], #16\n\t"                                        \
  "vmladava." T " %[a2], " XA ", q2\n\t"                                \
  LOAD_X "vmladava." T " %[b2], " XB ", q2\n\t"                         \
  LOAD_W "vmladava." T " %[a3], " XA ", q3\n\t"                         \
  "vmladava." T " %[b3], " XB ", q3\n\t"

#define MF_MVE_EVEN(T) /* rows in q0 and q1, the next step's first in q4 */                       \
  MF_MVE_PRODUCTS(T, "q0", "q1", "vldrb.u8 q4, [%[x0]], #16\n\t", "vldrb.u8 q2, [%[w]], #16\n\t")
#define MF_MVE_ODD(T) /* rows in q4 and q5, the next step's first in q0 */                        \
  MF_MVE_PRODUCTS(T, "q4", "q5", "vldrb.u8 q0, [%[x0]], #16\n\t", "vldrb.u8 q2, [%[w]], #16\n\t")

/* Four steps. */
#define MF_MVE_QUAD(T)                                                                            \
  MF_MVE_BEGIN MF_MVE_EVEN(T) MF_MVE_ODD(T) MF_MVE_EVEN(T)                                        \
  MF_MVE_PRODUCTS(T, "q4", "q5", "", "")

/* One step. */
#define MF_MVE_STEP(T) MF_MVE_BEGIN MF_MVE_PRODUCTS(T, "q0", "q1", "", "")

/* The last `count` < 16 values of the rows; nothing behind them is read. The predicate register is
 * put back: compilers keep predicates in it, and know no name by which to say that it changes. */
#define MF_MVE_TAIL(T)                              \
  "vmrs %[save], p0\n\t"                            \
  "vctp.8 %[count]\n\t"                             \
  "vpstt\n\t"                                       \
  "vldrbt.u8 q0, [%[x0]]\n\t"                       \
  "vldrbt.u8 q1, [%[x1]]\n\t"                       \
  "vldrb.u8 q2, [%[w]], #16\n\t"                    \
  "vmladava." T " %[a0], q0, q2\n\t"                \
  "vmladava." T " %[b0], q1, q2\n\t"                \
  "vldrb.u8 q3, [%[w]], #16\n\t"                    \
  "vmladava." T " %[a1], q0, q3\n\t"                \
  "vmladava." T " %[b1], q1, q3\n\t"                \
  "vldrb.u8 q2, [%[w]], #16\n\t"                    \
  "vmladava." T " %[a2], q0, q2\n\t"                \
  "vmladava." T " %[b2], q1, q2\n\t"                \
  "vldrb.u8 q3, [%[w]], #16\n\t"                    \
  "vmladava." T " %[a3], q0, q3\n\t"                \
  "vmladava." T " %[b3], q1, q3\n\t" \
  "vmsr p0, %[save]\n\t"

#define MF_MVE_SUMS                                                                               \
  [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [b0] "+r"(b0), [b1] "+r"(b1),       \
      [b2] "+r"(b2), [b3] "+r"(b3), [x0] "+r"(x0), [x1] "+r"(x1), [w] "+r"(w), [count] "+r"(count)

#define MF_MVE_CLOBBERS "cc", "memory", "q0", "q1", "q2", "q3", "q4", "q5"

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

#define MF_MVE_ONCE(BODY)                                                                         \
  __asm volatile(BODY : MF_MVE_SUMS, [save] "=&r"(save) : : MF_MVE_CLOBBERS)

#endif
