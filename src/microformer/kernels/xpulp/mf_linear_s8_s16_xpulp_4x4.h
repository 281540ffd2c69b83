/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix product with an int16 result on a cluster, equations (1), (2). */
#ifndef MF_LINEAR_S8_S16_XPULP_4X4_H
#define MF_LINEAR_S8_S16_XPULP_4X4_H

#include "mf_matrix_xpulp.h"
#include "mf_rows_xpulp.h"

static inline void mf_linear_s8_s16_xpulp_4x4(
    const int8_t *restrict x,       /* [rows, k] */
    const int32_t *restrict weight, /* panels of four columns (mf_matrix_xpulp.h) */
    const int32_t *restrict mult,   /* NULL: with the weights */
    const int32_t *restrict add,    /* NULL */
    const int8_t *restrict lut,     /* none */
    int16_t *restrict y,            /* [rows, n] */
    int32_t rows, int32_t k, int32_t n, int32_t shift,
    void *restrict scratch /* two groups of panels unless they are in L1, rows of x */) {
  int32_t *const panels = (int32_t *)scratch;
  const int32_t streamed = mf_is_in_l1(weight) ? 0 : 2 * mf_panel_group(rows, k, n);
  int8_t *const staged = (int8_t *)(panels + streamed * mf_panel_words(k));
  (void)mult, (void)add, (void)lut;
  mf_matrix_xpulp(x, weight, NULL, y, 1, rows, k, n, shift, panels, staged);
}

#endif
