/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix product of few rows on vectors of sixteen int8, equations (1), (2), (6).
 *
 * One row by four columns: weights that are used once are read where they lie, one load of x serves
 * four of them. */
#ifndef MF_LINEAR_S8_MVE_1X4_H
#define MF_LINEAR_S8_MVE_1X4_H

#include "mf_matrix_mve.h"

/* `width` columns, 4 or fewer, of one row. */
MF_INLINE void mf_mve_row_tile(
    const int8_t *x,       /* [k] */
    const int8_t *weight,  /* [width, k] */
    const int32_t *mult,   /* [width] */
    const int32_t *add,    /* [width] */
    const int8_t *lut,     /* [256] or NULL */
    int8_t *y,             /* [width] */
    int32_t k, int32_t width, int32_t shift) {
  int32_t sums[4];
  const int8_t *columns[4]; /* from the last on they repeat it */
  for (int32_t j = 0; j < 4; j++) {
    columns[j] = weight + (j < width ? j : width - 1) * k;
  }
  mf_mve_dot_1x4(x, columns, k, sums);
  mf_mve_store_4(sums, mult, add, lut, y, width, shift);
}

static inline void mf_linear_s8_mve_1x4(
    const int8_t *restrict x,       /* [rows, k] */
    const int8_t *restrict weight,  /* [n, k] */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [rows, n] */
    int32_t rows, int32_t k, int32_t n, int32_t shift, void *restrict scratch /* none */) {
  (void)scratch;
  for (int32_t row = 0; row < rows; row++, x += k, y += n) {
    int32_t c = 0;
    for (; c + 4 <= n; c += 4) {
      mf_mve_row_tile(x, weight + c * k, mult + c, add + c, lut, y + c, k, 4, shift);
    }
    if (c < n) {
      mf_mve_row_tile(x, weight + c * k, mult + c, add + c, lut, y + c, k, n - c, shift);
    }
  }
}

#endif
