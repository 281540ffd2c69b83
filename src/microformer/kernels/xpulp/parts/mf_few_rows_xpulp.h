/* SPDX-License-Identifier: Apache-2.0 */
/* Rows that make no tile of four: one row by four columns, read where it lies.
 *
 * Nine instructions for 16 MAC, where a tile of four rows takes 24 for 64: for three rows or fewer
 * that is less, and no row is staged. */
#ifndef MF_FEW_ROWS_XPULP_H
#define MF_FEW_ROWS_XPULP_H

#include "mf_cluster.h"
#include "mf_rows_xpulp.h"

/* The k & 3 bytes at the end of a row as a word, zeros behind them. */
MF_INLINE int32_t mf_last_word(const int8_t *from, int32_t k) {
  uint32_t word = 0;
  for (int32_t i = 0; i < (k & 3); i++) {
    word |= (uint32_t)(uint8_t)from[i] << (8 * i);
  }
  return (int32_t)word;
}

/* s[j] = row . column j of a panel over k values; returns the panel's constants. */
MF_INLINE const int32_t *mf_dot_1x4_xpulp(
    const int8_t *row, const int32_t *panel, int32_t k, int32_t s[4]) {
  int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
#if MF_XPULP
  int32_t a, b0, b1, b2, b3, words = k >> 2;
  if (words > 0) {
    __asm volatile(
        MF_NORVC MF_LOOP("%[words]", 9) MF_LW_POST("%[a]", "%[row]", "4")
        MF_LW_POST("%[b0]", "%[panel]", "4") MF_LW_POST("%[b1]", "%[panel]", "4")
        MF_LW_POST("%[b2]", "%[panel]", "4") MF_LW_POST("%[b3]", "%[panel]", "4")
        MF_INSN(MF_I_SDOT, "%[s0]", "%[a]", "%[b0]") MF_INSN(MF_I_SDOT, "%[s1]", "%[a]", "%[b1]")
        MF_INSN(MF_I_SDOT, "%[s2]", "%[a]", "%[b2]") MF_INSN(MF_I_SDOT, "%[s3]", "%[a]", "%[b3]")
        MF_RVC
        : [s0] "+&r"(s0), [s1] "+&r"(s1), [s2] "+&r"(s2), [s3] "+&r"(s3), [row] "+&r"(row),
          [panel] "+&r"(panel), [a] "=&r"(a), [b0] "=&r"(b0), [b1] "=&r"(b1), [b2] "=&r"(b2),
          [b3] "=&r"(b3)
        : [words] "r"(words)
        : "memory");
  }
#else
  for (int32_t i = 0; i < k >> 2; i++, row += 4, panel += 4) {
    const int32_t a = mf_word_at(row);
    s0 = mf_sdot4(s0, a, panel[0]), s1 = mf_sdot4(s1, a, panel[1]);
    s2 = mf_sdot4(s2, a, panel[2]), s3 = mf_sdot4(s3, a, panel[3]);
  }
#endif
  if ((k & 3) != 0) {
    const int32_t a = mf_last_word(row, k);
    s0 = mf_sdot4(s0, a, panel[0]), s1 = mf_sdot4(s1, a, panel[1]);
    s2 = mf_sdot4(s2, a, panel[2]), s3 = mf_sdot4(s3, a, panel[3]);
    panel += 4;
  }
  s[0] = s0, s[1] = s1, s[2] = s2, s[3] = s3;
  return panel;
}

/* y [rows, pitch] from `count` panels; `width` columns in all of them. The cores share the tiles. */
MF_PHASE void mf_panels_to_few(
    const int8_t *x, const int32_t *panels, const int8_t *lut, int8_t *y, int32_t rows, int32_t k,
    int32_t count, int32_t width, int32_t pitch, int32_t shift) {
  const int32_t size = 4 * ((k + 3) >> 2) + 9;
  const mf_tiles_t part = mf_share_lines(rows, count);
  int32_t row = part.line, panel = part.at;
  for (int32_t left = part.count; left > 0; left--) {
    int32_t s[4];
    const int32_t *constants = mf_dot_1x4_xpulp(x + row * k, panels + panel * size, k, s);
    int8_t *to = y + row * pitch + 4 * panel;
    for (int32_t j = 0; j < 4; j++) {
      s[j] = mf_quantized(s[j], constants[2 * j], constants[2 * j + 1], shift);
      s[j] = lut != NULL ? lut[s[j] + 128] : s[j];
    }
    if (width - 4 * panel >= 4) {
      mf_put_word(to, mf_pack4(s[0], s[1], s[2], s[3]));
    } else {
      for (int32_t j = 0; j < width - 4 * panel; j++) {
        to[j] = (int8_t)s[j];
      }
    }
    if (++panel == count) {
      panel = 0, row++;
    }
  }
}

#endif
