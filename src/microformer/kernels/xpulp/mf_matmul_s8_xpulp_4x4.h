/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products of two activations on a cluster, equations (1m), (2w). */
#ifndef MF_MATMUL_S8_XPULP_4X4_H
#define MF_MATMUL_S8_XPULP_4X4_H

#include "mf_matmul_xpulp.h"

static inline void mf_matmul_s8_xpulp_4x4(
    const int8_t *a,     /* [batch, rows, k] */
    const int8_t *b,     /* [batch, k, n], or [batch, n, k] if transposed */
    int8_t *restrict y,  /* [batch, rows, n] */
    int32_t batch, int32_t rows, int32_t k, int32_t n, int32_t transposed, int32_t zero_a,
    int32_t zero_b, int32_t mult, int32_t shift, int32_t zero,
    void *restrict scratch /* as of mf_matmul_xpulp */) {
  const mf_product_t product = {
      a, b, y, rows, k, n, transposed, zero_a, zero_b, mult, shift, zero, (k + 3) >> 2,
      (n + 3) >> 2, mf_high(shift, zero)};
  mf_matmul_xpulp(&product, batch, (int32_t *)scratch);
}

#endif
