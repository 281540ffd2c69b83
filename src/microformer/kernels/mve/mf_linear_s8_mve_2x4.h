/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix product on vectors of sixteen int8, two rows by four columns, equations (1), (2), (6).
 *
 * Four columns of the weight are put side by side once for all rows. */
#ifndef MF_LINEAR_S8_MVE_2X4_H
#define MF_LINEAR_S8_MVE_2X4_H

#include "mf_matrix_mve.h"

static inline void mf_linear_s8_mve_2x4(
    const int8_t *restrict x,       /* [rows, k] */
    const int8_t *restrict weight,  /* [n, k] */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [rows, n] */
    int32_t rows, int32_t k, int32_t n, int32_t shift,
    void *restrict scratch /* int8 [4 padded(k)], int32 [8] */) {
  const mf_scale_t scale = mf_scale(shift);
  mf_mve_rows(x, (int8_t *)scratch, weight, mult, add, lut, y, rows, k, n, &scale);
}

#endif
