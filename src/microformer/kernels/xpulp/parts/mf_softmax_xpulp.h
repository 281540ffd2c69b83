/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax of rows shared by the cores, equation (11), whatever the probabilities.
 *
 * A distance of two bytes is at most 255, so the probabilities of all distances are put into a
 * table in L1 first, largest distance first: with the row's maximum at its end, a value is its own
 * index. Then a row takes 6.5 instructions an element: 0.5 for the maximum, 3 to look up, sum and
 * keep four probabilities, 3 to scale and store them. */
#ifndef MF_SOFTMAX_XPULP_H
#define MF_SOFTMAX_XPULP_H

#include "mf_probability_xpulp.h"
#include "mf_rows_xpulp.h"

/* The largest of x[0 .. n-1]. */
MF_INLINE int32_t mf_top_of_row(const int8_t *x, int32_t n) {
  if (n < 4) {
    return mf_row_max(x, n);
  }
  int32_t top = mf_word_at(x + n - 4), other = top; /* the last four overlap */
  int32_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const int32_t a = mf_word_at(x + i), b = mf_word_at(x + i + 4);
    const int32_t c = mf_word_at(x + i + 8), d = mf_word_at(x + i + 12);
    top = mf_max4(top, a), other = mf_max4(other, b);
    top = mf_max4(top, c), other = mf_max4(other, d);
  }
  for (; i + 4 <= n; i += 4) {
    top = mf_max4(top, mf_word_at(x + i));
  }
  top = mf_max4(top, other);
  const uint32_t bits = (uint32_t)top;
  const int32_t a = mf_max((int8_t)(bits & 255u), (int8_t)(bits >> 8 & 255u));
  return mf_max(a, mf_max((int8_t)(bits >> 16 & 255u), (int8_t)(bits >> 24)));
}

/* y = p of each x, and their sum; `table` gives p at the place of x itself. */
MF_INLINE int32_t mf_look_up_row(const int8_t *x, int8_t *y, const uint8_t *table, int32_t n) {
  int32_t denom = 0, left = n;
#if MF_XPULP
  if (n >= 4) {
    int32_t a, b, c, d, word;
    __asm volatile(
        MF_NORVC MF_LOOP("%[turns]", 12)                                                 //
        MF_LOAD_4("%[x]", "%[a]", "%[b]", "%[c]", "%[d]")                                //
        MF_LBU_REG("%[a]", "%[table]", "%[a]") MF_LBU_REG("%[b]", "%[table]", "%[b]")    //
        MF_LBU_REG("%[c]", "%[table]", "%[c]") MF_LBU_REG("%[d]", "%[table]", "%[d]")    //
        MF_FOUR_BYTES("%[word]", "%[a]", "%[b]", "%[c]", "%[d]")                         //
        MF_INSN(MF_I_SDOTUS, "%[denom]", "%[word]", "%[ones]")                           //
        MF_SW_POST("%[word]", "%[y]", "4") MF_RVC                                        //
        : [x] "+&r"(x), [y] "+&r"(y), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c), [d] "=&r"(d),
          [word] "=&r"(word), [denom] "+&r"(denom)
        : [turns] "r"(n >> 2), [table] "r"(table), [ones] "r"(0x01010101)
        : "memory");
    left = n & 3;
  }
#endif
  for (int32_t i = 0; i < left; i++) {
    const int32_t p = table[x[i]];
    denom += p;
    y[i] = (int8_t)(p > 127 ? p - 256 : p);
  }
  return denom;
}

/* Equation (11) in place: y holds the probabilities. From a denominator of 257 the reciprocal has
 * 16 bits and no result is above 255. */
MF_INLINE void mf_normalize_row(int8_t *y, int32_t n, int32_t denom) {
  const int32_t reciprocal = (1 << 24) / denom, offset = (1 << 15) - (128 << 16);
  int32_t left = n;
#if MF_XPULP
  if (n >= 4 && denom > 256) {
    const int8_t *from = y;
    int32_t a, b, c, d, word;
    __asm volatile(
        MF_NORVC MF_LOOP("%[turns]", 12)                                                    //
        MF_LBU_POST("%[a]", "%[from]", "1") MF_LBU_POST("%[b]", "%[from]", "1")             //
        MF_LBU_POST("%[c]", "%[from]", "1") MF_LBU_POST("%[d]", "%[from]", "1")             //
        MF_INSN(MF_I_MULURN16, "%[a]", "%[a]", "%[reciprocal]")                             //
        MF_INSN(MF_I_MULURN16, "%[b]", "%[b]", "%[reciprocal]")                             //
        MF_INSN(MF_I_MULURN16, "%[c]", "%[c]", "%[reciprocal]")                             //
        MF_INSN(MF_I_MULURN16, "%[d]", "%[d]", "%[reciprocal]")                             //
        MF_FOUR_BYTES("%[word]", "%[a]", "%[b]", "%[c]", "%[d]")                            //
        "xor %[word], %[word], %[half]\n\t" MF_SW_POST("%[word]", "%[y]", "4") MF_RVC       //
        : [from] "+&r"(from), [y] "+&r"(y), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c),
          [d] "=&r"(d), [word] "=&r"(word)
        : [turns] "r"(n >> 2), [reciprocal] "r"(reciprocal), [half] "r"((int32_t)0x80808080u)
        : "memory");
    left = n & 3;
  }
#endif
  for (int32_t i = 0; i < left; i++) {
    y[i] = (int8_t)mf_clip8(mf_add_shift((y[i] & 255) * reciprocal, offset, 16));
  }
}

/* `rows` rows, fewer than cores: the maximum and the sum of a row are put together from the parts
 * of those that share it. */
MF_INLINE void mf_softmax_parts(
    const int8_t *x, int8_t *y, const uint8_t *backwards, int32_t rows, int32_t n,
    int32_t *of_cores /* [cores, 2] */) {
  const mf_part_t part = mf_part_of_row(rows, n);
  const int32_t from = part.row * n + part.begin, count = part.end - part.begin;
  int32_t top = -128, denom = 0;
  of_cores[2 * mf_core()] = mf_top_of_row(x + from, count);
  mf_barrier();
  for (int32_t core = part.first; core < part.last; core++) {
    top = mf_max(top, of_cores[2 * core]);
  }
  of_cores[2 * mf_core() + 1] = mf_look_up_row(x + from, y + from, backwards + (255 - top), count);
  mf_barrier();
  for (int32_t core = part.first; core < part.last; core++) {
    denom += of_cores[2 * core + 1];
  }
  mf_normalize_row(y + from, count, denom);
}

/* The rows of x [rows, n]. `scratch` holds the probability of distance d at 255 - d, then two
 * int32 of each core. */
MF_INLINE void mf_softmax_rows(
    const int8_t *x, int8_t *y, int32_t rows, int32_t n, void *scratch) {
  const uint8_t *const backwards = (const uint8_t *)scratch;
  const int32_t whole = mf_whole_rows(rows, n);
  const mf_share_t share = mf_share(whole);
  for (int32_t row = share.begin; row < share.end; row++) {
    const int8_t *const from = x + row * n;
    int8_t *const to = y + row * n;
    const uint8_t *const table = backwards + (255 - mf_top_of_row(from, n));
    mf_normalize_row(to, n, mf_look_up_row(from, to, table, n));
  }
  if (rows > whole) {
    int32_t *const of_cores = (int32_t *)scratch + 64;
    mf_softmax_parts(x + whole * n, y + whole * n, backwards, rows - whole, n, of_cores);
  }
}

#endif
