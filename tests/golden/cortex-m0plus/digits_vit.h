/* SPDX-License-Identifier: Apache-2.0 */
/* digits_vit: an 8-bit integer network for cortex-m0plus. Written by microformer 0.2.0. */
#ifndef DIGITS_VIT_H
#define DIGITS_VIT_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DIGITS_VIT_INPUT_SIZE 64 /* int8_t [1 x 8 x 8] */
#define DIGITS_VIT_OUTPUT_SIZE 10 /* int8_t [1 x 10] */
#define DIGITS_VIT_ARENA_BYTES 4864
#define DIGITS_VIT_ARENA_ALIGNMENT 8

/* real value = scale * (integer - zero point) */
#define DIGITS_VIT_INPUT_SCALE 0.00392156886f
#define DIGITS_VIT_INPUT_ZERO_POINT (-128)
#define DIGITS_VIT_OUTPUT_SCALE 0.0365357623f
#define DIGITS_VIT_OUTPUT_ZERO_POINT (-45)

/* The int8 nearest to a real input value (halves towards plus infinity), saturated. */
static inline int8_t digits_vit_quantize(float x) {
  const float scaled = x / DIGITS_VIT_INPUT_SCALE + 0.5f;
  const float low = (float)(-128 - DIGITS_VIT_INPUT_ZERO_POINT);
  const float high = (float)(127 - DIGITS_VIT_INPUT_ZERO_POINT);
  if (!(scaled > low)) {
    return -128; /* also what is not a number */
  }
  if (scaled >= high) {
    return 127;
  }
  int32_t floored = (int32_t)scaled;
  floored -= ((float)floored > scaled) ? 1 : 0;
  return (int8_t)(floored + DIGITS_VIT_INPUT_ZERO_POINT);
}

/* count real values to int8. */
static inline void digits_vit_quantize_input(const float *x, int8_t *in, int32_t count) {
  for (int32_t i = 0; i < count; i++) {
    in[i] = digits_vit_quantize(x[i]);
  }
}

/* The real value of one output. */
static inline float digits_vit_dequantize(int8_t q) {
  return DIGITS_VIT_OUTPUT_SCALE * (float)((int32_t)q - DIGITS_VIT_OUTPUT_ZERO_POINT);
}

/* count outputs to real values. */
static inline void digits_vit_dequantize_output(const int8_t *out, float *y,
                                                int32_t count) {
  for (int32_t i = 0; i < count; i++) {
    y[i] = digits_vit_dequantize(out[i]);
  }
}

/* Runs the network once.
 *
 * in:    DIGITS_VIT_INPUT_SIZE values of type int8_t, only read.
 * out:   DIGITS_VIT_OUTPUT_SIZE values of type int8_t; must not overlap in or arena.
 * arena: DIGITS_VIT_ARENA_BYTES bytes of working memory, aligned to
 *        DIGITS_VIT_ARENA_ALIGNMENT bytes (a build with MF_DEBUG asserts it); what it
 *        holds before and after means nothing.
 *
 * Allocates nothing, keeps no state, and may run in several threads on separate arenas.
 */
void digits_vit_run(const int8_t *in, int8_t *out, void *arena);

#ifdef __cplusplus
}
#endif

#endif
