/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of bytes as words of a panel of four columns, from rows or across them; tiles back to rows. */
#ifndef MF_REPACK_XPULP_H
#define MF_REPACK_XPULP_H

#include "mf_rows_xpulp.h"

/* Four rows of four bytes, `stride` apart, as words of columns; bytes that are not there are 0. */
MF_INLINE void mf_transpose_4x4(
    const int8_t *from, int32_t stride, int32_t below, int32_t beside, int32_t *to) {
  int32_t w[4];
  for (int32_t i = 0; i < 4; i++) {
    w[i] = 0;
    if (i < below && beside >= 4) {
      w[i] = mf_word_at(from + i * stride);
    }
    for (int32_t j = 0; i < below && beside < 4 && j < beside; j++) {
      w[i] |= (int32_t)((uint32_t)(uint8_t)from[i * stride + j] << (8 * j));
    }
  }
  const int32_t low01 = mf_shuffle4(w[0], w[1], 0x05010400); /* bytes 0, 4, 1, 5 */
  const int32_t high01 = mf_shuffle4(w[0], w[1], 0x07030602);
  const int32_t low23 = mf_shuffle4(w[2], w[3], 0x05010400);
  const int32_t high23 = mf_shuffle4(w[2], w[3], 0x07030602);
  to[0] = mf_shuffle4(low01, low23, 0x05040100);
  to[1] = mf_shuffle4(low01, low23, 0x07060302);
  to[2] = mf_shuffle4(high01, high23, 0x05040100);
  to[3] = mf_shuffle4(high01, high23, 0x07060302);
}

/* `count` bytes of a row as every fourth of `words` words, zeros behind them. */
MF_INLINE void mf_row_to_panel(
    const int8_t *from, int32_t count, int32_t words, int32_t step, int32_t *to) {
  for (int32_t word = 0; word < words; word++, from += 4, to += step) {
    const int32_t left = count - 4 * word;
    int32_t value = 0;
    for (int32_t j = 0; left < 4 && j < left; j++) {
      value |= (int32_t)((uint32_t)(uint8_t)from[j] << (8 * j));
    }
    *to = left >= 4 ? mf_word_at(from) : value;
  }
}

/* Four rows of four results, `pitch` apart, of which `below` and `beside` are there. */
MF_INLINE void mf_store_4x4(
    int8_t *y, int32_t pitch, const int32_t s[16], int32_t below, int32_t beside) {
#pragma GCC unroll 4
  for (int32_t i = 0; i < 4; i++) {
    if (i < below && beside >= 4) {
      mf_put_word(y + i * pitch, mf_pack4(s[4 * i], s[4 * i + 1], s[4 * i + 2], s[4 * i + 3]));
    } else {
      for (int32_t j = 0; i < below && j < 3 && j < beside; j++) {
        y[i * pitch + j] = (int8_t)s[4 * i + j];
      }
    }
  }
}

#endif
