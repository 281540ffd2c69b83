/* SPDX-License-Identifier: Apache-2.0 */
/* A function of one byte, equation (6): 2.75 instructions. x and y may be the same buffer. */
#ifndef MF_LUT_S8_XPULP_H
#define MF_LUT_S8_XPULP_H

#include "mf_rows_xpulp.h"

static inline void mf_lut_s8_xpulp(
    const int8_t *x,               /* [size] */
    const int8_t *restrict lut,    /* [256] */
    int8_t *y,                     /* [size] */
    int32_t size, void *scratch /* the LUT */) {
  const int8_t *const middle = (const int8_t *)mf_in_l1(lut, scratch, 256) + 128;
  const mf_share_t share = mf_share_words((size + 3) >> 2);
  const int32_t begin = 4 * share.begin, end = 4 * share.end < size ? 4 * share.end : size;
  int32_t left = end - begin;
  x += begin, y += begin;
#if MF_XPULP
  if (left >= 4) {
    int32_t a, b, c, d, word;
    __asm volatile(
        MF_NORVC MF_LOOP("%[turns]", 11)                                               //
        MF_LOAD_4("%[x]", "%[a]", "%[b]", "%[c]", "%[d]")                              //
        MF_LB_REG("%[a]", "%[middle]", "%[a]") MF_LB_REG("%[b]", "%[middle]", "%[b]")  //
        MF_LB_REG("%[c]", "%[middle]", "%[c]") MF_LB_REG("%[d]", "%[middle]", "%[d]")  //
        MF_FOUR_BYTES("%[word]", "%[a]", "%[b]", "%[c]", "%[d]")                       //
        MF_SW_POST("%[word]", "%[y]", "4") MF_RVC                                      //
        : [x] "+&r"(x), [y] "+&r"(y), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d),
          [word] "=&r"(word)
        : [turns] "r"(left >> 2), [middle] "r"(middle)
        : "memory");
    left &= 3;
  }
#endif
  for (int32_t i = 0; i < left; i++) {
    y[i] = middle[x[i]];
  }
}

#endif
