/* SPDX-License-Identifier: Apache-2.0 */
/* As mf_linear_s8_scalar_1x4, requantised in 64 bits, equations (1), (2w), (6). */
#ifndef MF_LINEAR_S8_ACC64_SCALAR_1X4_H
#define MF_LINEAR_S8_ACC64_SCALAR_1X4_H

#include "mf_matrix_scalar.h"

static inline void mf_linear_s8_acc64_scalar_1x4(
    const int8_t *restrict x,       /* [rows, k] */
    const int8_t *restrict weight,  /* [n, k] */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [rows, n] */
    int32_t rows, int32_t k, int32_t n, int32_t shift, int32_t zero,
    void *restrict scratch /* uint32 [pairs (4 + block)], pairs = ceil(k / 2) */) {
  const mf_scale_t scale = mf_scale_wide(shift, zero);
  mf_scalar_linear(x, weight, mult, add, lut, y, rows, k, n, &scale, scratch);
}

#endif
