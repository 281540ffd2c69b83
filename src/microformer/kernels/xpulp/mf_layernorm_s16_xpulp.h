/* SPDX-License-Identifier: Apache-2.0 */
/* LayerNorm over rows where x or y is int16, equation (7r), on a cluster. They may be one
 * buffer if both are. */
#ifndef MF_LAYERNORM_S16_XPULP_H
#define MF_LAYERNORM_S16_XPULP_H

#include "mf_norm_s16.h"
#include "mf_rows_xpulp.h"

static inline void mf_layernorm_s16_xpulp(
    const void *x,        /* [rows, n] */
    const int32_t *mult,  /* [n], signed */
    const int32_t *add,   /* [n] */
    void *y,              /* [rows, n] */
    int32_t rows, int32_t n, uint64_t eps, int32_t frac, int32_t shift, int32_t types,
    void *scratch /* both constants, unless they are in L1 */) {
  const mf_share_t share = mf_share(rows);
  const int32_t *const l1_mult = (const int32_t *)mf_in_l1(mult, scratch, 4 * n);
  const int32_t *const l1_add = (const int32_t *)mf_in_l1(add, (int32_t *)scratch + n, 4 * n);
  mf_layernorm_s16_rows(
      x, l1_mult, l1_add, y, share.begin, share.end, n, eps, frac, shift, types);
}

#endif
