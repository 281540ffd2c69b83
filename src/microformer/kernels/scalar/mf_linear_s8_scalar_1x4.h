/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix product for cores without SIMD, two products a multiplication, equations (1), (2), (6). */
#ifndef MF_LINEAR_S8_SCALAR_1X4_H
#define MF_LINEAR_S8_SCALAR_1X4_H

#include "mf_matrix_scalar.h"

static inline void mf_linear_s8_scalar_1x4(
    const int8_t *restrict x,       /* [rows, k] */
    const int8_t *restrict weight,  /* [n, k] */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [rows, n] */
    int32_t rows, int32_t k, int32_t n, int32_t shift,
    void *restrict scratch /* uint32 [pairs (4 + block)], pairs = ceil(k / 2) */) {
  const mf_scale_t scale = mf_scale(shift);
  mf_scalar_linear(x, weight, mult, add, lut, y, rows, k, n, &scale, scratch);
}

#endif
