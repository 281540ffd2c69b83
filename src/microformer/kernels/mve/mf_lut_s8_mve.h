/* SPDX-License-Identifier: Apache-2.0 */
/* A function of one byte, sixteen at a time, equation (6). x and y may be the same buffer. */
#ifndef MF_LUT_S8_MVE_H
#define MF_LUT_S8_MVE_H

#include "mf_mve.h"

static inline void mf_lut_s8_mve(
    const int8_t *x,               /* [size] */
    const int8_t *restrict lut,    /* [256] */
    int8_t *y,                     /* [size] */
    int32_t size, void *scratch /* none */) {
  int32_t i = 0;
  (void)scratch;
#if MF_HAS_MVE
  for (; i < size; i += 16) {
    const mve_pred16_t lanes = vctp8q((uint32_t)(size - i));
    const uint8x16_t raw = vreinterpretq_u8_s8(vldrbq_z_s8(x + i, lanes));
    const uint8x16_t index = veorq_u8(raw, vdupq_n_u8(128)); /* x + 128 */
    vstrbq_p_s8(y + i, vldrbq_gather_offset_z_s8(lut, index, lanes), lanes);
  }
#endif
  for (; i < size; i++) {
    y[i] = lut[x[i] + 128];
  }
}

#endif
