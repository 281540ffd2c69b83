/* SPDX-License-Identifier: Apache-2.0 */
/* radar_transformer_features: the program; see radar_transformer_features.h. Written by microformer 0.2.0. */
#define MF_DUAL_ISSUE 1

#include "radar_transformer_features.h"

#include "radar_transformer_features_weights.h"
#include "mf/mf_range_doppler_s16_dsp.h"

#if defined(MF_DEBUG) /* the Debug configuration of CMakeLists.txt sets it */
#include <assert.h>
#define MF_ASSERT(CONDITION) assert(CONDITION)
#else
#define MF_ASSERT(CONDITION) ((void)0)
#endif

#if defined(MF_PROFILE) /* a firmware that measures itself: before each layer */
extern void mf_layer(int32_t number); /* with their count, behind the last */
#define MF_LAYER_AT(NUMBER) mf_layer(NUMBER)
#else
#define MF_LAYER_AT(NUMBER) ((void)0)
#endif

#if defined(__GNUC__) && defined(__arm__) && !defined(__ARM_FEATURE_UNALIGNED)
#error "these kernels need unaligned access: leave -mno-unaligned-access out"
#endif

#if defined(__GNUC__) && defined(__arm__) && !defined(__ARM_FEATURE_DSP)
#error "compile for the core that the kernels were chosen for: -mcpu=cortex-m7 -mthumb -mfpu=fpv5-d16 -mfloat-abi=hard"
#endif

/* Each layer is a function of its own, so that a profiler can tell them apart. */
/* flatten: the kernel's code is specialised for the shapes written here */
#if defined(__clang__)
#define MF_LAYER __attribute__((noinline, flatten)) static void
#elif defined(__GNUC__) /* noipa: at -Os GCC 12 drops layers that it takes as dead */
#define MF_LAYER __attribute__((noipa, flatten)) static void
#else
#define MF_LAYER static void
#endif

/* range_doppler: RangeDoppler 2x32x123x2 -> 32x123x2 */
MF_LAYER layer_00_range_doppler(const int16_t *in, int8_t *out, uint8_t *arena) {
  mf_range_doppler_s16_dsp(
      in, radar_transformer_features_w_levels, out, 2, 123, 1, 2, arena + 0);
}

void radar_transformer_features_run(const int16_t *in, int8_t *out, void *arena) {
  uint8_t *const bytes = (uint8_t *)arena;
  MF_ASSERT(((uintptr_t)arena & (RADAR_TRANSFORMER_FEATURES_ARENA_ALIGNMENT - 1u)) == 0);
  MF_LAYER_AT(0);
  layer_00_range_doppler(in, out, bytes);
  MF_LAYER_AT(1);
}
