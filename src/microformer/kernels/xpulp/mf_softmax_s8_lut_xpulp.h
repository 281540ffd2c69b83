/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax over rows, probabilities from a table, equations (3a), (11). x and y may be the same. */
#ifndef MF_SOFTMAX_S8_LUT_XPULP_H
#define MF_SOFTMAX_S8_LUT_XPULP_H

#include "mf_softmax_xpulp.h"

static inline void mf_softmax_s8_lut_xpulp(
    const int8_t *x,               /* [rows, n] */
    const uint8_t *restrict lut,   /* [256] */
    int8_t *y,                     /* [rows, n] */
    int32_t rows, int32_t n, int32_t score_mult, int32_t score_shift,
    void *restrict scratch /* of mf_softmax_rows, then the table */) {
  uint8_t *const backwards = (uint8_t *)scratch;
  const void *const near = mf_in_l1(lut, backwards + 256 + 64, 256);
  const mf_lut_t table = mf_lut((const uint8_t *)near, score_mult, score_shift);
  const mf_share_t share = mf_share(256);
  for (int32_t d = share.begin; d < share.end; d++) {
    backwards[255 - d] = (uint8_t)mf_lut_probability(&table, d);
  }
  mf_barrier();
  mf_softmax_rows(x, y, rows, n, scratch);
}

#endif
