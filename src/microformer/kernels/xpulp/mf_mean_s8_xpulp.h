/* SPDX-License-Identifier: Apache-2.0 */
/* Mean over adjacent axes, equation (10): 1.25 instructions an element, 0.5 where the last axis is
 * among them. */
#ifndef MF_MEAN_S8_XPULP_H
#define MF_MEAN_S8_XPULP_H

#include "mf_rows_xpulp.h"

/* Sums of four columns side by side, rows `inner` bytes apart. */
MF_INLINE void mf_sum_columns(const int8_t *x, int32_t reduced, int32_t inner, int32_t sums[4]) {
  int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0, left = reduced;
#if MF_XPULP
  if (reduced >= 2) {
    int32_t a, b;
#define MF_ADD_COLUMNS(WORD)                                                                 \
  MF_INSN(MF_I_SDOT, "%[s0]", WORD, "%[e0]") MF_INSN(MF_I_SDOT, "%[s1]", WORD, "%[e1]")      \
  MF_INSN(MF_I_SDOT, "%[s2]", WORD, "%[e2]") MF_INSN(MF_I_SDOT, "%[s3]", WORD, "%[e3]")
    __asm volatile(
        MF_NORVC MF_LOOP("%[turns]", 10)                                                       //
        MF_LW_REG("%[a]", "%[x]", "%[inner]") MF_LW_REG("%[b]", "%[x]", "%[inner]")            //
        MF_ADD_COLUMNS("%[a]") MF_ADD_COLUMNS("%[b]") MF_RVC                                   //
        : [x] "+&r"(x), [s0] "+&r"(s0), [s1] "+&r"(s1), [s2] "+&r"(s2), [s3] "+&r"(s3),
          [a] "=&r"(a), [b] "=&r"(b)
        : [turns] "r"(reduced >> 1), [inner] "r"(inner), [e0] "r"(1), [e1] "r"(1 << 8),
          [e2] "r"(1 << 16), [e3] "r"(1 << 24)
        : "memory");
    left = reduced & 1;
  }
#endif
  for (; left > 0; left--, x += inner) {
    s0 += x[0], s1 += x[1], s2 += x[2], s3 += x[3];
  }
  sums[0] = s0, sums[1] = s1, sums[2] = s2, sums[3] = s3;
}

/* The sum of n bytes in a row. */
MF_INLINE int32_t mf_sum_bytes(const int8_t *x, int32_t n) {
  int32_t sum = 0;
  for (; n >= 16; n -= 16, x += 16) {
    const int32_t w0 = mf_word_at(x), w1 = mf_word_at(x + 4);
    const int32_t w2 = mf_word_at(x + 8), w3 = mf_word_at(x + 12);
    sum = mf_sdot4(mf_sdot4(sum, w0, 0x01010101), w1, 0x01010101);
    sum = mf_sdot4(mf_sdot4(sum, w2, 0x01010101), w3, 0x01010101);
  }
  for (; n > 0; n--) {
    sum += *x++;
  }
  return sum;
}

static inline void mf_mean_s8_xpulp(
    const int8_t *restrict x, /* [outer, reduced, inner] */
    int8_t *restrict y,       /* [outer, inner] */
    int32_t outer, int32_t reduced, int32_t inner, int32_t mult, int32_t add, int32_t shift) {
  if (inner >= 4) {
    const int32_t words = (inner + 3) >> 2;
    const mf_share_t share = mf_share(outer * words);
    for (int32_t unit = share.begin; unit < share.end; unit++) {
      const int32_t row = unit / words, word = unit - row * words;
      const int32_t column = 4 * word + 4 <= inner ? 4 * word : inner - 4; /* the last overlap */
      int32_t sums[4];
      mf_sum_columns(x + row * reduced * inner + column, reduced, inner, sums);
      const int32_t y0 = mf_quantized(sums[0], mult, add, shift);
      const int32_t y1 = mf_quantized(sums[1], mult, add, shift);
      const int32_t y2 = mf_quantized(sums[2], mult, add, shift);
      const int32_t y3 = mf_quantized(sums[3], mult, add, shift);
      mf_put_word(y + row * inner + column, mf_pack4(y0, y1, y2, y3));
    }
    return;
  }
  const mf_share_t share = mf_share(outer * inner);
  for (int32_t unit = share.begin; unit < share.end; unit++) {
    const int8_t *const from = x + unit / inner * reduced * inner + unit % inner;
    int32_t sum = 0;
    if (inner == 1) {
      sum = mf_sum_bytes(from, reduced);
    } else {
      for (int32_t i = 0; i < reduced; i++) {
        sum += from[i * inner];
      }
    }
    y[unit] = (int8_t)mf_quantized(sum, mult, add, shift);
  }
}

#endif
