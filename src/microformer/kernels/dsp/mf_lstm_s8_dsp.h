/* SPDX-License-Identifier: Apache-2.0 */
/* A long short-term memory over all steps, equation (15): products by pairs of 16 bits, the gates of a unit together. */
#ifndef MF_LSTM_S8_DSP_H
#define MF_LSTM_S8_DSP_H

#include "mf_recurrent.h"
#include "mf_rows_dsp.h"

static inline void mf_lstm_s8_dsp(
    const int8_t *restrict gates,     /* [steps, 4 units]: input, output, forget, cell */
    const int8_t *restrict weight,    /* [4 units, units] */
    const int32_t *restrict mult,     /* [4 units] */
    const int32_t *restrict add,      /* [4 units] */
    const int16_t *restrict sigmoid,  /* [257] */
    const int16_t *restrict tangent,  /* [257] */
    int8_t *y,                        /* [steps, units] */
    int32_t steps, int32_t units, int32_t shift, int32_t gate_mult, int32_t gate_add,
    int32_t gate_shift, int32_t cell_bits, int32_t out_mult, int32_t out_add, int32_t out_shift,
    void *scratch /* int16 [units] cells, int8 [units] the first output */) {
  mf_lstm(gates, weight, mult, add, sigmoid, tangent, y, steps, units, shift, gate_mult, gate_add,
          gate_shift, cell_bits, out_mult, out_add, out_shift, scratch, mf_rows_dsp);
}

#endif
