/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes moved within L1: in a row, and gathered at a stride. */
#ifndef MF_MOVE_XPULP_H
#define MF_MOVE_XPULP_H

#include "mf_rows_xpulp.h"

/* n bytes in a row. */
MF_INLINE void mf_move(const int8_t *restrict from, int8_t *restrict to, int32_t n) {
  if (n < 4) {
    for (int32_t i = 0; i < n; i++) {
      to[i] = from[i];
    }
    return;
  }
  int32_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const int32_t w0 = mf_word_at(from + i), w1 = mf_word_at(from + i + 4);
    const int32_t w2 = mf_word_at(from + i + 8), w3 = mf_word_at(from + i + 12);
    mf_put_word(to + i, w0), mf_put_word(to + i + 4, w1);
    mf_put_word(to + i + 8, w2), mf_put_word(to + i + 12, w3);
  }
  for (; i + 4 <= n; i += 4) {
    mf_put_word(to + i, mf_word_at(from + i));
  }
  if (i < n) { /* the last four overlap */
    mf_put_word(to + n - 4, mf_word_at(from + n - 4));
  }
}

/* n bytes, `step` apart in x: seven instructions for four. */
MF_INLINE void mf_gather_bytes(const int8_t *from, int8_t *to, int32_t n, int32_t step) {
  int32_t left = n;
#if MF_XPULP
  if (n >= 4) {
    int32_t a, b, c, d, word;
    __asm volatile(
        MF_NORVC MF_LOOP("%[turns]", 7)                                                        //
        MF_LB_STEP("%[a]", "%[from]", "%[step]") MF_LB_STEP("%[b]", "%[from]", "%[step]")      //
        MF_LB_STEP("%[c]", "%[from]", "%[step]") MF_LB_STEP("%[d]", "%[from]", "%[step]")      //
        MF_FOUR_BYTES("%[word]", "%[a]", "%[b]", "%[c]", "%[d]")                               //
        MF_SW_POST("%[word]", "%[to]", "4") MF_RVC                                             //
        : [from] "+&r"(from), [to] "+&r"(to), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c),
          [d] "=&r"(d), [word] "=&r"(word)
        : [turns] "r"(n >> 2), [step] "r"(step)
        : "memory");
    left = n & 3;
  }
#endif
  for (int32_t i = 0; i < left; i++) {
    to[i] = from[i * step];
  }
}

#endif
