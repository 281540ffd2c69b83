/* Matrix product with requantisation and an optional table on a cluster, equations (1), (2), (6). */
#ifndef MF_LINEAR_S8_XPULP_4X4_H
#define MF_LINEAR_S8_XPULP_4X4_H

#include "mf_matrix_xpulp.h"

static inline void mf_linear_s8_xpulp_4x4(
    const int8_t *restrict x,       /* [rows, k] */
    const int32_t *restrict weight, /* panels of four columns (mf_matrix_xpulp.h) */
    const int32_t *restrict mult,   /* NULL: with the weights */
    const int32_t *restrict add,    /* NULL */
    const int8_t *restrict table,   /* [256] or NULL */
    int8_t *restrict y,             /* [rows, n] */
    int32_t rows, int32_t k, int32_t n, int32_t shift,
    void *restrict scratch /* two groups of panels, table, rows of x */) {
  int32_t *const panels = (int32_t *)scratch;
  int8_t *const near_table = (int8_t *)(panels + 2 * mf_panel_group(rows, k, n) * mf_panel_words(k));
  int8_t *const staged = near_table + (table != NULL ? 256 : 0);
  (void)mult, (void)add;
  if (table != NULL && mf_core() == 0) {
    mf_copied(mf_copy_rows(near_table, table, 256, 1, 0, 0));
  }
  mf_matrix_xpulp(
      x, weight, table != NULL ? near_table : NULL, y, rows, k, n, shift, panels, staged);
}

#endif
