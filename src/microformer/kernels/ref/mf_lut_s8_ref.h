/* SPDX-License-Identifier: Apache-2.0 */
/* A function of one byte, equation (6). x and y may be the same buffer. */
#ifndef MF_LUT_S8_REF_H
#define MF_LUT_S8_REF_H

#include "mf_core.h"

static inline void mf_lut_s8_ref(
    const int8_t *x,               /* [size] */
    const int8_t *restrict lut,    /* [256] */
    int8_t *y,                     /* [size] */
    int32_t size, void *scratch /* none */) {
  (void)scratch;
  for (int32_t i = 0; i < size; i++) {
    y[i] = lut[x[i] + 128];
  }
}

#endif
