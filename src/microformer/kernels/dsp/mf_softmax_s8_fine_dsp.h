/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax over rows at any output scale, equation (11f). x and y may be the same.
 *
 * e <= 2^20 and e R <= C < 2^62, so e R is the product with R's lower word and, in 32 bits, that
 * with its higher word; the rounding has no bit below 2^32 but for 2^39, which is in the higher word. */
#ifndef MF_SOFTMAX_S8_FINE_DSP_H
#define MF_SOFTMAX_S8_FINE_DSP_H

#include "mf_max_dsp.h"

/* y of one e, R in two words. */
MF_INLINE int32_t mf_fine_dsp(int32_t e, uint32_t low, uint32_t high, int32_t zero) {
  const uint32_t scaled =
      (uint32_t)((uint64_t)(uint32_t)e * low >> 32) + (uint32_t)e * high + (1u << 7);
  return mf_clamp_s8((int32_t)(scaled >> 8) + zero);
}

static inline void mf_softmax_s8_fine_dsp(
    const int8_t *x,                /* [rows, n] */
    const int32_t *restrict lut,    /* [256] */
    int8_t *y,                      /* [rows, n] */
    int32_t rows, int32_t n, int64_t numerator, int32_t zero, void *scratch /* none */) {
  (void)scratch;
  for (int32_t row = 0; row < rows; row++, x += n, y += n) {
    const int32_t *const from = lut + mf_row_max_dsp(x, n);
    uint64_t denom = 0;
    for (int32_t i = 0; i < n;) { /* 2048 values keep 31 bits */
      const int32_t end = n - i < 2048 ? n : i + 2048;
      uint32_t part = 0;
      for (; i + 4 <= end; i += 4) { /* loads in a row overlap */
        const int32_t a = x[i], b = x[i + 1], c = x[i + 2], d = x[i + 3];
        part += (uint32_t)from[-a] + (uint32_t)from[-b] + (uint32_t)from[-c] + (uint32_t)from[-d];
      }
      for (; i < end; i++) {
        part += (uint32_t)from[-x[i]];
      }
      denom += part;
    }
    const uint64_t reciprocal = (uint64_t)numerator / denom;
    const uint32_t low = (uint32_t)reciprocal, high = (uint32_t)(reciprocal >> 32);
    int32_t i = 0;
    for (; i + 4 <= n; i += 4) {
      const int32_t a = x[i], b = x[i + 1], c = x[i + 2], d = x[i + 3];
      const int32_t p = from[-a], q = from[-b], r = from[-c], s = from[-d];
      y[i] = (int8_t)mf_fine_dsp(p, low, high, zero), y[i + 1] = (int8_t)mf_fine_dsp(q, low, high, zero);
      y[i + 2] = (int8_t)mf_fine_dsp(r, low, high, zero), y[i + 3] = (int8_t)mf_fine_dsp(s, low, high, zero);
    }
    for (; i < n; i++) {
      y[i] = (int8_t)mf_fine_dsp(from[-x[i]], low, high, zero);
    }
  }
}

#endif
