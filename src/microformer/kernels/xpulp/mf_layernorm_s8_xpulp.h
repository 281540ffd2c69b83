/* SPDX-License-Identifier: Apache-2.0 */
/* LayerNorm of rows shared by the cores, equation (7). x and y may be the same buffer. */
#ifndef MF_LAYERNORM_S8_XPULP_H
#define MF_LAYERNORM_S8_XPULP_H

#include "mf_norm_xpulp.h"

static inline void mf_layernorm_s8_xpulp(
    const int8_t *x,               /* [rows, n] */
    const int32_t *restrict mult,  /* [n, 2], signed, each with its add */
    const int32_t *restrict add,   /* NULL */
    int8_t *y,                     /* [rows, n] */
    int32_t rows, int32_t n, uint64_t eps, int32_t frac, int32_t shift,
    void *scratch /* the constants, sums of parts of rows */) {
  const mf_norm_op_t op = {n, eps, frac, shift, 0, 0};
  (void)add;
  mf_norm_rows(&op, x, y, mult, rows, (int32_t *)scratch);
}

#endif
