/* SPDX-License-Identifier: Apache-2.0 */
/* int16 to int8 on a cluster, equation (14). */
#ifndef MF_REQUANTIZE_S16_XPULP_H
#define MF_REQUANTIZE_S16_XPULP_H

#include "mf_cluster.h"
#include "mf_residual.h"

static inline void mf_requantize_s16_xpulp(
    const int16_t *x, /* [size] */
    int8_t *y,        /* [size] */
    int32_t size, int32_t mult, int32_t add, int32_t shift, void *scratch /* none */) {
  (void)scratch;
  const mf_share_t share = mf_share(size);
  mf_requantize_s16_part(x, y, share.begin, share.end, mult, add, shift);
}

#endif
