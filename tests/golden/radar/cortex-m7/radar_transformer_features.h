/* SPDX-License-Identifier: Apache-2.0 */
/* radar_transformer_features: a sensor's samples to a network's input, for cortex-m7. Written by microformer 0.2.0. */
#ifndef RADAR_TRANSFORMER_FEATURES_H
#define RADAR_TRANSFORMER_FEATURES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define RADAR_TRANSFORMER_FEATURES_INPUT_SIZE 15744 /* int16_t [2 x 32 x 123 x 2] */
#define RADAR_TRANSFORMER_FEATURES_OUTPUT_SIZE 7872 /* int8_t [32 x 123 x 2] */
#define RADAR_TRANSFORMER_FEATURES_ARENA_BYTES 128
#define RADAR_TRANSFORMER_FEATURES_ARENA_ALIGNMENT 8

/* real value = scale * (integer - zero point) */
#define RADAR_TRANSFORMER_FEATURES_OUTPUT_SCALE 0.015625f
#define RADAR_TRANSFORMER_FEATURES_OUTPUT_ZERO_POINT (-128)

/* The real value of one output. */
static inline float radar_transformer_features_dequantize(int8_t q) {
  return RADAR_TRANSFORMER_FEATURES_OUTPUT_SCALE * (float)((int32_t)q - RADAR_TRANSFORMER_FEATURES_OUTPUT_ZERO_POINT);
}

/* count outputs to real values. */
static inline void radar_transformer_features_dequantize_output(const int8_t *out, float *y,
                                                                int32_t count) {
  for (int32_t i = 0; i < count; i++) {
    y[i] = radar_transformer_features_dequantize(out[i]);
  }
}

/* Makes one window of the network's input.
 *
 * in:    RADAR_TRANSFORMER_FEATURES_INPUT_SIZE values of type int16_t, only read.
 * out:   RADAR_TRANSFORMER_FEATURES_OUTPUT_SIZE values of type int8_t; must not overlap in or arena.
 * arena: RADAR_TRANSFORMER_FEATURES_ARENA_BYTES bytes of working memory, aligned to
 *        RADAR_TRANSFORMER_FEATURES_ARENA_ALIGNMENT bytes (a build with MF_DEBUG asserts it); what it
 *        holds before and after means nothing.
 *
 * The core must not trap unaligned access: CCR.UNALIGN_TRP is 0, as after a reset, and
 * in and out lie in normal memory. The arena itself has to be aligned all the same.
 *
 * Allocates nothing, keeps no state, and may run in several threads on separate arenas.
 */
void radar_transformer_features_run(const int16_t *in, int8_t *out, void *arena);

#ifdef __cplusplus
}
#endif

#endif
