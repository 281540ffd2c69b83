/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax over rows at any output scale, equation (11f), rows shared by the cores. x and y may be
 * the same.
 *
 * e <= 2^20 and e R <= C < 2^62, so e R is the product with R's lower word and, in 32 bits, that
 * with its higher word; the rounding, 2^39, has no bit in the lower word. */
#ifndef MF_SOFTMAX_S8_FINE_XPULP_H
#define MF_SOFTMAX_S8_FINE_XPULP_H

#include "mf_softmax_xpulp.h"

/* The sum of e over a row; 2048 of them keep 31 bits. */
MF_INLINE uint64_t mf_fine_sum(const int8_t *x, const int32_t *from, int32_t n) {
  uint64_t denom = 0;
  for (int32_t i = 0; i < n;) {
    const int32_t end = n - i < 2048 ? n : i + 2048;
    uint32_t part = 0;
    for (; i + 4 <= end; i += 4) { /* loads in a row do not wait for each other */
      const int32_t a = x[i], b = x[i + 1], c = x[i + 2], d = x[i + 3];
      part += (uint32_t)from[-a] + (uint32_t)from[-b] + (uint32_t)from[-c] + (uint32_t)from[-d];
    }
    for (; i < end; i++) {
      part += (uint32_t)from[-x[i]];
    }
    denom += part;
  }
  return denom;
}

/* y of one e, R in two words. */
MF_INLINE int32_t mf_fine_xpulp(int32_t e, uint32_t low, uint32_t high, int32_t zero) {
  const uint32_t product = (uint32_t)((uint64_t)(uint32_t)e * low >> 32) + (uint32_t)e * high;
  return mf_clip8(mf_add_shift((int32_t)product, 1 << 7, 8) + zero);
}

static inline void mf_softmax_s8_fine_xpulp(
    const int8_t *x,                /* [rows, n] */
    const int32_t *restrict lut,    /* [256] */
    int8_t *y,                      /* [rows, n] */
    int32_t rows, int32_t n, int64_t numerator, int32_t zero,
    void *restrict scratch /* [256] int32: the LUT */) {
  const int32_t *const in_l1 = (const int32_t *)mf_in_l1(lut, scratch, 1024);
  const mf_share_t share = mf_share(rows);
  for (int32_t row = share.begin; row < share.end; row++) {
    const int8_t *const line = x + row * n;
    int8_t *const to = y + row * n;
    const int32_t *const from = in_l1 + mf_top_of_row(line, n);
    const uint64_t reciprocal = (uint64_t)numerator / mf_fine_sum(line, from, n);
    const uint32_t low = (uint32_t)reciprocal, high = (uint32_t)(reciprocal >> 32);
    int32_t i = 0;
    for (; i + 4 <= n; i += 4) {
      const int32_t a = line[i], b = line[i + 1], c = line[i + 2], d = line[i + 3];
      const int32_t p = from[-a], q = from[-b], r = from[-c], s = from[-d];
      mf_put_word(
          to + i, mf_pack4(mf_fine_xpulp(p, low, high, zero), mf_fine_xpulp(q, low, high, zero),
                           mf_fine_xpulp(r, low, high, zero), mf_fine_xpulp(s, low, high, zero)));
    }
    for (; i < n; i++) {
      to[i] = (int8_t)mf_fine_xpulp(from[-line[i]], low, high, zero);
    }
  }
}

#endif
