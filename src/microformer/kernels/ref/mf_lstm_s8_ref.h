/* SPDX-License-Identifier: Apache-2.0 */
/* A long short-term memory over all steps, equation (15). */
#ifndef MF_LSTM_S8_REF_H
#define MF_LSTM_S8_REF_H

#include "mf_recurrent.h"

static inline void mf_lstm_s8_ref(
    const int8_t *restrict gates,     /* [steps, 4 units]: input, output, forget, cell */
    const int8_t *restrict weight,    /* [4 units, units] */
    const int32_t *restrict mult,     /* [4 units] */
    const int32_t *restrict add,      /* [4 units] */
    const int16_t *restrict sigmoid,  /* [257] */
    const int16_t *restrict tangent,    /* [257] */
    int8_t *y,                        /* [steps, units] */
    int32_t steps, int32_t units, int32_t shift, int32_t gate_mult, int32_t gate_add,
    int32_t gate_shift, int32_t cell_bits, int32_t out_mult, int32_t out_add, int32_t out_shift,
    void *scratch /* int16 [units] cells, int8 [units] the first output */) {
  int16_t *cells = (int16_t *)scratch;
  int8_t *h = (int8_t *)(cells + units);
  for (int32_t unit = 0; unit < units; unit++) {
    cells[unit] = 0;
    h[unit] = mf_clamp8(out_add >> out_shift);
  }
  for (int32_t step = 0; step < steps; step++, gates += 4 * units, y += units) {
    for (int32_t unit = 0; unit < units; unit++) {
      int32_t value[4];
      for (int32_t gate = 0; gate < 4; gate++) {
        const int32_t row = gate * units + unit;
        const int32_t own = (gates[row] * gate_mult + gate_add) >> gate_shift;
        value[gate] = mf_clamp16(
            own + mf_gate(h, weight + row * units, units, mult[row], add[row], shift));
      }
      const int32_t fresh = mf_curve(sigmoid, value[0]) * mf_curve(tangent, value[3]);
      const int32_t kept = mf_product15(mf_curve(sigmoid, value[2]), cells[unit]);
      const int32_t rounded = (fresh + (1 << (14 + cell_bits))) >> (15 + cell_bits);
      cells[unit] = mf_clamp16(kept + rounded);
      const int32_t argument = mf_clamp16(cells[unit] * (1 << (cell_bits - 3)));
      const int32_t out = mf_product15(mf_curve(sigmoid, value[1]), mf_curve(tangent, argument));
      y[unit] = mf_clamp8((out * out_mult + out_add) >> out_shift);
    }
    h = y;
  }
}

#endif
