/* SPDX-License-Identifier: Apache-2.0 */
/* As mf_linear_s8_mve_1x4, with an int16 result, equations (1), (2). */
#ifndef MF_LINEAR_S8_S16_MVE_1X4_H
#define MF_LINEAR_S8_S16_MVE_1X4_H

#include "mf_matrix_mve.h"

static inline void mf_linear_s8_s16_mve_1x4(
    const int8_t *restrict x,       /* [rows, k] */
    const int8_t *restrict weight,  /* [n, k] */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict lut,     /* none */
    int16_t *restrict y,            /* [rows, n] */
    int32_t rows, int32_t k, int32_t n, int32_t shift,
    void *restrict scratch /* none */) {
  const mf_scale_t scale = mf_scale_s16(shift);
  (void)lut;
  (void)scratch;
  mf_mve_few_rows(x, weight, mult, add, NULL, y, rows, k, n, &scale);
}

#endif
