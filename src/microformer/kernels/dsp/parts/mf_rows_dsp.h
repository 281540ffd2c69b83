/* SPDX-License-Identifier: Apache-2.0 */
/* Products of recurrent layers: h is widened once for all rows of a unit. */
#ifndef MF_ROWS_DSP_H
#define MF_ROWS_DSP_H

#include "mf_dsp.h"

/* As mf_rows_t; count is 1, 2 or 4, a literal. */
MF_INLINE void mf_rows_dsp(const int8_t *h, const int8_t *weight, int32_t stride, int32_t units,
                           int32_t count, int32_t *sums) {
  int32_t acc[4] = {0, 0, 0, 0};
  int32_t i = 0;
  for (; i + 4 <= units; i += 4) {
    const uint32_t word = mf_load4(h + i);
    const uint32_t even = mf_pair_even(word), odd = mf_pair_odd(word);
    for (int32_t row = 0; row < count; row++) {
      const uint32_t w = mf_load4(weight + row * stride + i);
      acc[row] = mf_dot_pair(mf_pair_even(w), even, acc[row]);
      acc[row] = mf_dot_pair(mf_pair_odd(w), odd, acc[row]);
    }
  }
  for (; i < units; i++) {
    for (int32_t row = 0; row < count; row++) {
      acc[row] += h[i] * weight[row * stride + i];
    }
  }
  for (int32_t row = 0; row < count; row++) {
    sums[row] = acc[row];
  }
}

#endif
