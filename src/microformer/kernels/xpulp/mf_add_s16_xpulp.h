/* SPDX-License-Identifier: Apache-2.0 */
/* Sum of two tensors of which any may be int16 on a cluster, equation (8r).
 * y may be the buffer of an operand of its type and size. */
#ifndef MF_ADD_S16_XPULP_H
#define MF_ADD_S16_XPULP_H

#include "mf_cluster.h"
#include "mf_residual.h"

static inline void mf_add_s16_xpulp(
    const void *a,  /* [size] */
    const void *b,  /* [b_size], repeated; b_size divides size */
    void *y,        /* [size] */
    int32_t size, int32_t b_size, int32_t mult_a, int32_t mult_b, int32_t add, int32_t shift,
    int32_t types, void *scratch /* none */) {
  (void)scratch;
  const mf_share_t share = mf_share(size);
  mf_add_s16_part(
      a, b, y, share.begin, share.end, b_size, mult_a, mult_b, add, shift, types);
}

#endif
