/* SPDX-License-Identifier: Apache-2.0 */
/* Two tensors element by element, eight a turn, written out for Armv7E-M and Armv8-M.
 *
 * Compilers take 7 to 13 cycles an element by chance; here loads stand in a row, and every result
 * is one SSAT and one store. */
#ifndef MF_EIGHTS_DSP_H
#define MF_EIGHTS_DSP_H

#include "mf_dsp.h"

#if MF_HAS_DSP && defined(__OPTIMIZE__)
/* Shifted, saturated, stored. */
#define MF_PUT(R, AT)                                             \
  "ssat %[" R "], #8, %[" R "], asr %[shift]\n\t"                 \
  "strb %[" R "], [%[y], #" #AT "]\n\t"

/* size / 8 turns on a, b and y; FOUR(AT) makes and stores four results from AT on of the words in p
 * and q, with the operands MORE. The shift is a literal of 1 to 31. Addresses are early clobbers: else a compiler
 * may keep the end in the register of b, where b happens to lie behind a. */
#define MF_EIGHTS(A, B, Y, SIZE, FOUR, MORE, SHIFT)                                               \
  do {                                                                                            \
    const int8_t *mf_a = A, *mf_b = B, *const mf_end = mf_a + ((SIZE) & ~7);                      \
    int8_t *mf_y = Y;                                                                             \
    uint32_t mf_p, mf_q, mf_t, mf_u, mf_v;                                                        \
    if ((SIZE) >= 8) {                                                                            \
      __asm volatile(                                                                             \
          "1:\n\t"                                                                                \
          "ldr %[p], [%[a]]\n\t"                                                                  \
          "ldr %[q], [%[b]]\n\t" FOUR(0) "ldr %[p], [%[a], #4]\n\t"                               \
          "ldr %[q], [%[b], #4]\n\t"                                                              \
          "adds %[a], #8\n\t"                                                                     \
          "adds %[b], #8\n\t" FOUR(4) "adds %[y], #8\n\t"                                         \
          "cmp %[a], %[end]\n\t"                                                                  \
          "bne 1b\n\t"                                                                            \
          : [a] "+&r"(mf_a), [b] "+&r"(mf_b), [y] "+&r"(mf_y), [p] "=&r"(mf_p), [q] "=&r"(mf_q),     \
            [t] "=&r"(mf_t), [u] "=&r"(mf_u), [v] "=&r"(mf_v)                                     \
          : [end] "r"(mf_end), [shift] "i"(SHIFT), MORE                                           \
          : "cc", "memory");                                                                      \
    }                                                                                             \
  } while (0)
#endif

#endif
