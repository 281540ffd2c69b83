/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix product requantised in 64 bits on a cluster, equations (1), (2w), (6). */
#ifndef MF_LINEAR_S8_ACC64_XPULP_4X4_H
#define MF_LINEAR_S8_ACC64_XPULP_4X4_H

#include "mf_acc64_xpulp.h"

static inline void mf_linear_s8_acc64_xpulp_4x4(
    const int8_t *restrict x,       /* [rows, k] */
    const int32_t *restrict weight, /* panels of four columns (mf_matrix_xpulp.h) */
    const int32_t *restrict mult,   /* NULL: with the weights */
    const int32_t *restrict add,    /* NULL */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [rows, n] */
    int32_t rows, int32_t k, int32_t n, int32_t shift, int32_t zero,
    void *restrict scratch /* panels, lut, four rows a core */) {
  const mf_conv_t conv = {{x, 1, rows, k, 0}, rows, 1, 1, 1, 1, 0, 0, 1, 1};
  mf_acc64_layer_t op = {lut, rows, k, n, shift, zero, mf_high(shift, zero)};
  (void)mult, (void)add;
  mf_acc64_xpulp(&conv, weight, &op, y, scratch);
}

#endif
