/* SPDX-License-Identifier: Apache-2.0 */
/* Recurrent layers, equations (15) and (16); how the products with the last output are summed is
 * the kernel's own. */
#ifndef MF_RECURRENT_H
#define MF_RECURRENT_H

#include "mf_core.h"

/* sums[i] = h . row i of `count`, which lie `stride` bytes apart; h int8 [units]. */
typedef void (*mf_rows_t)(const int8_t *h, const int8_t *weight, int32_t stride, int32_t units,
                          int32_t count, int32_t *sums);

/* Equation (15t): between two entries of a table int16 [257], p in steps of 2^-12. */
MF_INLINE int32_t mf_curve(const int16_t *table, int32_t p) {
  const int32_t at = p + 32768;
  const int16_t *entry = table + (at >> 8);
  return entry[0] + (((entry[1] - entry[0]) * (at & 255) + 128) >> 8);
}

/* round(a b / 2^15). */
MF_INLINE int32_t mf_product15(int32_t a, int32_t b) { return (a * b + 16384) >> 15; }

/* Equation (15): gates [steps, 4 units], weight [4 units, units], y [steps, units]. */
MF_INLINE void mf_lstm(const int8_t *gates, const int8_t *weight, const int32_t *mult,
                       const int32_t *add, const int16_t *sigmoid, const int16_t *tangent,
                       int8_t *y, int32_t steps, int32_t units, int32_t shift, int32_t gate_mult,
                       int32_t gate_add, int32_t gate_shift, int32_t cell_bits, int32_t out_mult,
                       int32_t out_add, int32_t out_shift, void *scratch, mf_rows_t rows) {
  int16_t *cells = (int16_t *)scratch;
  int8_t *h = (int8_t *)(cells + units);
  for (int32_t unit = 0; unit < units; unit++) {
    cells[unit] = 0;
    h[unit] = mf_clamp8(out_add >> out_shift);
  }
  for (int32_t step = 0; step < steps; step++, gates += 4 * units, y += units) {
    for (int32_t unit = 0; unit < units; unit++) {
      int32_t value[4];
      rows(h, weight + unit * units, units * units, units, 4, value);
      for (int32_t gate = 0; gate < 4; gate++) {
        const int32_t row = gate * units + unit;
        const int32_t own = (gates[row] * gate_mult + gate_add) >> gate_shift;
        value[gate] = mf_clamp16(own + ((value[gate] * mult[row] + add[row]) >> shift));
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

/* Equation (16): gates [steps, 3 units], weight [3 units, units], y [steps, units]. */
MF_INLINE void mf_gru(const int8_t *gates, const int8_t *weight, const int32_t *mult,
                      const int32_t *add, const int16_t *sigmoid, const int16_t *tangent, int8_t *y,
                      int32_t steps, int32_t units, int32_t reset_after, int32_t shift,
                      int32_t gate_mult, int32_t gate_add, int32_t gate_shift, int32_t out_mult,
                      int32_t out_add, int32_t out_shift, void *scratch, mf_rows_t rows) {
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
    for (int32_t unit = 0; unit < units; unit++) {
      int32_t sums[2];
      rows(h, weight + unit * units, units * units, units, 2, sums);
      for (int32_t gate = 0; gate < 2; gate++) {
        const int32_t row = gate * units + unit;
        const int32_t own = (gates[row] * gate_mult + gate_add) >> gate_shift;
        const int32_t sum = own + ((sums[gate] * mult[row] + add[row]) >> shift);
        update[row] = (int16_t)mf_curve(sigmoid, mf_clamp16(sum));
      }
      const int32_t left = mf_product15(reset[unit], state[unit]);
      part[unit] = reset_after ? h[unit] : mf_clamp8((left * out_mult + out_add) >> out_shift);
    }
    for (int32_t unit = 0; unit < units; unit++) {
      const int32_t row = 2 * units + unit;
      const int32_t own = (gates[row] * gate_mult + gate_add) >> gate_shift;
      int32_t inner;
      rows(part, weight + row * units, 0, units, 1, &inner);
      inner = (inner * mult[row] + add[row]) >> shift;
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
