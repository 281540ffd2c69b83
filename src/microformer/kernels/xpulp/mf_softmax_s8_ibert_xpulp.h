/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax over rows, probabilities by i-exp, equations (4), (11). x and y may be the same. */
#ifndef MF_SOFTMAX_S8_IBERT_XPULP_H
#define MF_SOFTMAX_S8_IBERT_XPULP_H

#include "mf_softmax_xpulp.h"

static inline void mf_softmax_s8_ibert_xpulp(
    const int8_t *x, /* [rows, n] */
    int8_t *y,       /* [rows, n] */
    int32_t rows, int32_t n, int32_t preshift, int32_t ln2, int32_t b, int32_t c,
    int32_t exp_shift, void *restrict scratch /* of mf_softmax_rows */) {
  uint8_t *const backwards = (uint8_t *)scratch;
  const mf_ibert_t ibert = mf_ibert(preshift, ln2, b, c, exp_shift);
  const mf_share_t share = mf_share(256);
  for (int32_t d = share.begin; d < share.end; d++) {
    backwards[255 - d] = (uint8_t)mf_ibert_probability(&ibert, d);
  }
  mf_barrier();
  mf_softmax_rows(x, y, rows, n, scratch);
}

#endif
