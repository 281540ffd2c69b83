/* SPDX-License-Identifier: Apache-2.0 */
/* A gated recurrent unit over all steps, equation (16). */
#ifndef MF_GRU_S8_REF_H
#define MF_GRU_S8_REF_H

#include "mf_recurrent.h"

static inline void mf_gru_s8_ref(
    const int8_t *restrict gates,     /* [steps, 3 units]: update, reset, new */
    const int8_t *restrict weight,    /* [3 units, units] */
    const int32_t *restrict mult,     /* [3 units] */
    const int32_t *restrict add,      /* [3 units] */
    const int16_t *restrict sigmoid,  /* [257] */
    const int16_t *restrict tangent,    /* [257] */
    int8_t *y,                        /* [steps, units] */
    int32_t steps, int32_t units, int32_t reset_after, int32_t shift, int32_t gate_mult,
    int32_t gate_add, int32_t gate_shift, int32_t out_mult, int32_t out_add, int32_t out_shift,
    void *scratch /* int16 [3 units] state and two gates, int8 [2 units] outputs */) {
  int16_t *state = (int16_t *)scratch;
  int16_t *update = state + units;
  int16_t *reset = update + units;
  int8_t *part = (int8_t *)(reset + units); /* what goes into the product of the new gate */
  int8_t *h = part + units;
  for (int32_t unit = 0; unit < units; unit++) {
    state[unit] = 0;
    h[unit] = mf_clamp8(out_add >> out_shift);
  }
  for (int32_t step = 0; step < steps; step++, gates += 3 * units, y += units) {
    for (int32_t row = 0; row < 2 * units; row++) {
      const int32_t own = (gates[row] * gate_mult + gate_add) >> gate_shift;
      const int32_t sum = own + mf_gate(h, weight + row * units, units, mult[row], add[row], shift);
      update[row] = (int16_t)mf_curve(sigmoid, mf_clamp16(sum));
    }
    for (int32_t unit = 0; unit < units; unit++) {
      const int32_t left = mf_product15(reset[unit], state[unit]);
      part[unit] = reset_after ? h[unit] : mf_clamp8((left * out_mult + out_add) >> out_shift);
    }
    for (int32_t unit = 0; unit < units; unit++) {
      const int32_t row = 2 * units + unit;
      const int32_t own = (gates[row] * gate_mult + gate_add) >> gate_shift;
      int32_t inner = mf_gate(part, weight + row * units, units, mult[row], add[row], shift);
      if (reset_after) {
        inner = mf_product15(reset[unit], mf_clamp16(inner));
      }
      const int32_t fresh = mf_curve(tangent, mf_clamp16(own + inner));
      const int32_t value = fresh + mf_product15(update[unit], state[unit] - fresh);
      state[unit] = (int16_t)value;
      y[unit] = mf_clamp8((value * out_mult + out_add) >> out_shift);
    }
    h = y;
  }
}

#endif
