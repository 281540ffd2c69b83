/* SPDX-License-Identifier: Apache-2.0 */
/* What recurrent layers share, equations (15) and (16). */
#ifndef MF_RECURRENT_H
#define MF_RECURRENT_H

#include "mf_core.h"

/* Equation (15t): between two entries of a table int16 [257], p in steps of 2^-12. */
MF_INLINE int32_t mf_curve(const int16_t *table, int32_t p) {
  const int32_t at = p + 32768;
  const int16_t *entry = table + (at >> 8);
  return entry[0] + (((entry[1] - entry[0]) * (at & 255) + 128) >> 8);
}

/* round(a b / 2^15). */
MF_INLINE int32_t mf_product15(int32_t a, int32_t b) { return (a * b + 16384) >> 15; }

/* A gate's argument from the last output h int8 [units]; its weights are one row. */
MF_INLINE int32_t mf_gate(const int8_t *h, const int8_t *weight, int32_t units, int32_t mult,
                          int32_t add, int32_t shift) {
  int32_t acc = 0;
  for (int32_t i = 0; i < units; i++) {
    acc += h[i] * weight[i];
  }
  return (acc * mult + add) >> shift;
}

#endif
