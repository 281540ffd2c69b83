/* SPDX-License-Identifier: Apache-2.0 */
/* int16 to int8, equation (14). */
#ifndef MF_REQUANTIZE_S16_REF_H
#define MF_REQUANTIZE_S16_REF_H

#include "mf_residual.h"

static inline void mf_requantize_s16_ref(
    const int16_t *x, /* [size] */
    int8_t *y,        /* [size] */
    int32_t size, int32_t mult, int32_t add, int32_t shift, void *scratch /* none */) {
  (void)scratch;
  mf_requantize_s16_part(x, y, 0, size, mult, add, shift);
}

#endif
