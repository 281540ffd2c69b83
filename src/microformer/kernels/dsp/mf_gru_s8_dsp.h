/* SPDX-License-Identifier: Apache-2.0 */
/* A gated recurrent unit over all steps, equation (16): products by pairs of 16 bits, the gates of a unit together. */
#ifndef MF_GRU_S8_DSP_H
#define MF_GRU_S8_DSP_H

#include "mf_recurrent.h"
#include "mf_rows_dsp.h"

static inline void mf_gru_s8_dsp(
    const int8_t *restrict gates,     /* [steps, 3 units]: update, reset, new */
    const int8_t *restrict weight,    /* [3 units, units] */
    const int32_t *restrict mult,     /* [3 units] */
    const int32_t *restrict add,      /* [3 units] */
    const int16_t *restrict sigmoid,  /* [257] */
    const int16_t *restrict tangent,  /* [257] */
    int8_t *y,                        /* [steps, units] */
    int32_t steps, int32_t units, int32_t reset_after, int32_t shift, int32_t gate_mult,
    int32_t gate_add, int32_t gate_shift, int32_t out_mult, int32_t out_add, int32_t out_shift,
    void *scratch /* int16 [3 units] state and two gates, int8 [2 units] outputs */) {
  mf_gru(gates, weight, mult, add, sigmoid, tangent, y, steps, units, reset_after, shift, gate_mult,
         gate_add, gate_shift, out_mult, out_add, out_shift, scratch, mf_rows_dsp);
}

#endif
