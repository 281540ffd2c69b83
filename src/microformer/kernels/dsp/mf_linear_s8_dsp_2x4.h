/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix product on pairs of int16, two rows by four columns at a time, equations (1), (2), (6). */
#ifndef MF_LINEAR_S8_DSP_2X4_H
#define MF_LINEAR_S8_DSP_2X4_H

#include "mf_blocks_dsp.h"

static inline void mf_linear_s8_dsp_2x4(
    const int8_t *restrict x,       /* [rows, k] */
    const int8_t *restrict weight,  /* [n, k] */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [rows, n] */
    int32_t rows, int32_t k, int32_t n, int32_t shift,
    void *restrict scratch /* uint32 [words (4 + block) + 8], words = 2 ceil(k / 4) */) {
  const mf_scale_t scale = mf_scale(shift);
  mf_linear_blocks(
      x, weight, mult, add, lut, y, rows, k, n, &scale, scratch, MF_BLOCK_BYTES);
}

#endif
