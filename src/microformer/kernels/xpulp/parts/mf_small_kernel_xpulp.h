/* SPDX-License-Identifier: Apache-2.0 */
/* Convolutions of few weights a channel: a kernel of at most three rows of three words stays in nine
 * registers, the image goes by.
 *
 * A cell of three rows of the map takes 5 loads and 27 dot products: each word of the image serves
 * three cells below each other and, as it stays for the next two cells of the row, three beside. */
#ifndef MF_SMALL_KERNEL_XPULP_H
#define MF_SMALL_KERNEL_XPULP_H

#include "mf_xpulp.h"

#define MF_SMALL_KERNEL_PITCH 148 /* bytes from row to row of what is staged: 37 words */

/* The first two of a cell's three words, in each of five rows of the image. */
typedef struct {
  int32_t a[5], b[5];
} mf_columns_t;

/* The words of the cell at `at`. */
MF_INLINE void mf_first_columns(mf_columns_t *to, const int8_t *at) {
  const int32_t *word = (const int32_t *)(const void *)at;
  const int32_t pitch = MF_SMALL_KERNEL_PITCH / 4;
  to->a[0] = word[0], to->b[0] = word[1];
  to->a[1] = word[pitch], to->b[1] = word[pitch + 1];
  to->a[2] = word[2 * pitch], to->b[2] = word[2 * pitch + 1];
  to->a[3] = word[3 * pitch], to->b[3] = word[3 * pitch + 1];
  to->a[4] = word[4 * pitch], to->b[4] = word[4 * pitch + 1];
}

#if MF_XPULP
#define MF_DOT(S, A, W) MF_INSN(MF_I_DOT, "%[" #S "]", "%[" #A "]", "%[" #W "]")
#define MF_SDOT(S, A, W) MF_INSN(MF_I_SDOT, "%[" #S "]", "%[" #A "]", "%[" #W "]")
#define MF_MOST(S) MF_INSN(MF_I_MAX, "%[most]", "%[most]", "%[" #S "]")
#define MF_STAY(A, B) /* the third word takes the place of the first: the next cell swaps them */
#define MF_MOVE(A, B) "mv %[" #A "], %[" #B "]\n\t"
#define MF_BELOW(N, I) "lw %[" #N "], " #I "*148-4(%[at])\n\t"
/* A are the first words, B the second; the third comes to N: A, or B once that went to A (THEN). */
#define MF_CELL(THEN, A0, A1, A2, A3, A4, B0, B1, B2, B3, B4, F0, F1, F2, F3, F4, N0, N1, N2, N3, N4) \
  MF_DOT(s0, A0, w0) THEN(A0, B0) MF_LW_POST("%[" #N0 "]", "%[at]", "4")                       \
  MF_SDOT(s0, F0, w1) MF_SDOT(s0, N0, w2)                                                      \
  MF_SDOT(s0, A1, w3) MF_DOT(s1, A1, w0) THEN(A1, B1) MF_BELOW(N1, 1)                          \
  MF_SDOT(s0, F1, w4) MF_SDOT(s1, F1, w1) MF_SDOT(s0, N1, w5) MF_SDOT(s1, N1, w2)              \
  MF_SDOT(s0, A2, w6) MF_SDOT(s1, A2, w3) MF_DOT(s2, A2, w0) THEN(A2, B2) MF_BELOW(N2, 2)      \
  MF_SDOT(s0, F2, w7) MF_SDOT(s1, F2, w4) MF_SDOT(s2, F2, w1)                                  \
  MF_SDOT(s0, N2, w8) MF_SDOT(s1, N2, w5) MF_SDOT(s2, N2, w2) MF_MOST(s0)                      \
  MF_SDOT(s1, A3, w6) MF_SDOT(s2, A3, w3) THEN(A3, B3) MF_BELOW(N3, 3)                         \
  MF_SDOT(s1, F3, w7) MF_SDOT(s2, F3, w4) MF_SDOT(s1, N3, w8) MF_SDOT(s2, N3, w5) MF_MOST(s1)  \
  MF_SDOT(s2, A4, w6) THEN(A4, B4) MF_BELOW(N4, 4) MF_SDOT(s2, F4, w7) MF_SDOT(s2, N4, w8)     \
  MF_MOST(s2)
#define MF_ODD(...) MF_CELL(MF_STAY, __VA_ARGS__)
#define MF_ALONE(...) MF_CELL(MF_MOVE, __VA_ARGS__)
#define MF_CELLS(TEXT)                                                                         \
  __asm(TEXT                                                                                   \
        : [a0] "+&r"(c->a[0]), [a1] "+&r"(c->a[1]), [a2] "+&r"(c->a[2]), [a3] "+&r"(c->a[3]),  \
          [a4] "+&r"(c->a[4]), [b0] "+&r"(c->b[0]), [b1] "+&r"(c->b[1]), [b2] "+&r"(c->b[2]),  \
          [b3] "+&r"(c->b[3]), [b4] "+&r"(c->b[4]), [s0] "=&r"(s0), [s1] "=&r"(s1),            \
          [s2] "=&r"(s2), [most] "+&r"(most), [at] "+&r"(*at)                                  \
        : [w0] "r"(w[0]), [w1] "r"(w[1]), [w2] "r"(w[2]), [w3] "r"(w[3]), [w4] "r"(w[4]),      \
          [w5] "r"(w[5]), [w6] "r"(w[6]), [w7] "r"(w[7]), [w8] "r"(w[8])                       \
        : "memory")
#else
MF_PHASE int32_t mf_cell(
    mf_columns_t *c, const int8_t **at, const int32_t w[9], int32_t most) {
  int32_t s[3] = {0, 0, 0};
  for (int32_t i = 0; i < 5; i++) {
    int32_t next;
    __builtin_memcpy(&next, *at + i * MF_SMALL_KERNEL_PITCH, 4);
    for (int32_t row = i < 2 ? 0 : i - 2; row <= i && row < 3; row++) {
      const int32_t *line = w + 3 * (i - row);
      s[row] = mf_sdot4(mf_sdot4(mf_sdot4(s[row], c->a[i], line[0]), c->b[i], line[1]), next, line[2]);
    }
    c->a[i] = c->b[i], c->b[i] = next;
  }
  *at += 4;
  return mf_max(mf_max(most, s[0]), mf_max(s[1], s[2]));
}
#endif

/* The largest of `most` and the sums of two cells side by side, each in three rows of the map; `at`
 * is the third word of the first, and behind it of the one after the second. */
MF_INLINE int32_t mf_two_cells(
    mf_columns_t *c, const int8_t **at, const int32_t w[9], int32_t most) {
#if MF_XPULP
  int32_t s0, s1, s2;
  MF_CELLS(MF_ODD(a0, a1, a2, a3, a4, b0, b1, b2, b3, b4, b0, b1, b2, b3, b4, a0, a1, a2, a3, a4)
               MF_ODD(b0, b1, b2, b3, b4, a0, a1, a2, a3, a4, a0, a1, a2, a3, a4, b0, b1, b2, b3, b4));
  return most;
#else
  return mf_cell(c, at, w, mf_cell(c, at, w, most));
#endif
}

/* The maximum of one cell; five moves more. */
MF_INLINE int32_t mf_one_cell(
    mf_columns_t *c, const int8_t **at, const int32_t w[9], int32_t most) {
#if MF_XPULP
  int32_t s0, s1, s2;
  MF_CELLS(MF_ALONE(a0, a1, a2, a3, a4, b0, b1, b2, b3, b4, a0, a1, a2, a3, a4, b0, b1, b2, b3, b4));
  return most;
#else
  return mf_cell(c, at, w, most);
#endif
}

#endif
