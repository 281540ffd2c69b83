/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix product with requantisation and an optional LUT on a cluster, equations (1), (2), (6). */
#ifndef MF_LINEAR_S8_XPULP_4X4_H
#define MF_LINEAR_S8_XPULP_4X4_H

#include "mf_matrix_xpulp.h"
#include "mf_rows_xpulp.h"

static inline void mf_linear_s8_xpulp_4x4(
    const int8_t *restrict x,       /* [rows, k] */
    const int32_t *restrict weight, /* panels of four columns (mf_matrix_xpulp.h) */
    const int32_t *restrict mult,   /* NULL: with the weights */
    const int32_t *restrict add,    /* NULL */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [rows, n] */
    int32_t rows, int32_t k, int32_t n, int32_t shift,
    void *restrict scratch /* two groups of panels unless they are in L1, lut, rows of x */) {
  int32_t *const panels = (int32_t *)scratch;
  const int32_t streamed = mf_is_in_l1(weight) ? 0 : 2 * mf_panel_group(rows, k, n);
  int8_t *const l1_lut = (int8_t *)(panels + streamed * mf_panel_words(k));
  int8_t *const staged = l1_lut + mf_l1_room(lut, 256);
  (void)mult, (void)add;
  mf_matrix_xpulp(
      x, weight, lut != NULL ? (const int8_t *)mf_in_l1(lut, l1_lut, 256) : NULL, y, 0,
      rows, k, n, shift, panels, staged);
}

#endif
