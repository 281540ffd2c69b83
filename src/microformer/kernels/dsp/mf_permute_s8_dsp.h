/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes gathered with any stride an axis: runs that stay together are copied by words, two axes that
 * change places are turned in squares of four by four bytes. */
#ifndef MF_PERMUTE_S8_DSP_H
#define MF_PERMUTE_S8_DSP_H

#include "mf_patch.h"

/* Four rows of four bytes, `step` apart, to four rows `next` apart. */
MF_INLINE void mf_turn_4x4(const int8_t *x, int32_t step, int8_t *y, int32_t next) {
  uint32_t words[4] = {
      mf_load4(x), mf_load4(x + step), mf_load4(x + 2 * step), mf_load4(x + 3 * step)};
  mf_turn_4(words);
  for (int32_t i = 0; i < 4; i++) {
    mf_store4(y + i * next, words[i]);
  }
}

/* y [n, m] from x, whose columns lie side by side and rows `step` apart. */
MF_INLINE void mf_turn(const int8_t *x, int8_t *y, int32_t n, int32_t m, int32_t step) {
  int32_t i = 0;
  for (; i + 4 <= n; i += 4, y += 4 * m) {
    int32_t j = 0;
    for (; j + 4 <= m; j += 4) {
      mf_turn_4x4(x + i + j * step, step, y + j, m);
    }
    for (; j < m; j++) {
      for (int32_t k = 0; k < 4; k++) {
        y[k * m + j] = x[i + k + j * step];
      }
    }
  }
  for (; i < n; i++, y += m) {
    for (int32_t j = 0; j < m; j++) {
      y[j] = x[i + j * step];
    }
  }
}

static inline void mf_permute_s8_dsp(
    const int8_t *restrict x, /* read at offset + sum of index * stride */
    int8_t *restrict y,       /* [n0, n1, n2, n3, n4, n5] */
    int32_t offset, int32_t n0, int32_t n1, int32_t n2, int32_t n3, int32_t n4, int32_t n5,
    int32_t s0, int32_t s1, int32_t s2, int32_t s3, int32_t s4, int32_t s5) {
  for (int32_t i0 = 0; i0 < n0; i0++) {
    for (int32_t i1 = 0; i1 < n1; i1++) {
      for (int32_t i2 = 0; i2 < n2; i2++) {
        for (int32_t i3 = 0; i3 < n3; i3++) {
          const int8_t *row = x + (offset + i0 * s0 + i1 * s1 + i2 * s2 + i3 * s3);
          if (s5 != 1 && s4 == 1) {
            mf_turn(row, y, n4, n5, s5);
            y += n4 * n5;
            continue;
          }
          for (int32_t i4 = 0; i4 < n4; i4++, row += s4, y += n5) {
            if (s5 == 1) {
              mf_gather(row, y, n5);
              continue;
            }
            for (int32_t i5 = 0; i5 < n5; i5++) {
              y[i5] = row[i5 * s5];
            }
          }
        }
      }
    }
  }
}

#endif
