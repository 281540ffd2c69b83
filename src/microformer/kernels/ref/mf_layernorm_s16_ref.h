/* SPDX-License-Identifier: Apache-2.0 */
/* LayerNorm over rows where x or y is int16, equation (7r). They may be one buffer if both are. */
#ifndef MF_LAYERNORM_S16_REF_H
#define MF_LAYERNORM_S16_REF_H

#include "mf_norm_s16.h"

static inline void mf_layernorm_s16_ref(
    const void *x,        /* [rows, n] */
    const int32_t *mult,  /* [n], signed */
    const int32_t *add,   /* [n] */
    void *y,              /* [rows, n] */
    int32_t rows, int32_t n, uint64_t eps, int32_t frac, int32_t shift, int32_t types,
    void *scratch /* none */) {
  (void)scratch;
  mf_layernorm_s16_rows(x, mult, add, y, 0, rows, n, eps, frac, shift, types);
}

#endif
