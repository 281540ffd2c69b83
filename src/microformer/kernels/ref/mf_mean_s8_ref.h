/* SPDX-License-Identifier: Apache-2.0 */
/* Mean over adjacent axes, equation (10). */
#ifndef MF_MEAN_S8_REF_H
#define MF_MEAN_S8_REF_H

#include "mf_core.h"

static inline void mf_mean_s8_ref(
    const int8_t *restrict x, /* [outer, reduced, inner] */
    int8_t *restrict y,       /* [outer, inner] */
    int32_t outer, int32_t reduced, int32_t inner, int32_t mult, int32_t add, int32_t shift) {
  for (int32_t row = 0; row < outer; row++, x += reduced * inner) {
    for (int32_t i = 0; i < inner; i++) {
      int32_t sum = 0;
      for (int32_t j = 0; j < reduced; j++) {
        sum += x[j * inner + i];
      }
      *y++ = mf_requantize(sum, mult, add, shift);
    }
  }
}

#endif
