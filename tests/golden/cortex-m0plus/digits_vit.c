/* SPDX-License-Identifier: Apache-2.0 */
/* digits_vit: the program; see digits_vit.h. Written by microformer 0.2.0. */
#include "digits_vit.h"

#include "digits_vit_weights.h"
#include "mf/mf_add_s8_ref.h"
#include "mf/mf_attention_s8_ref.h"
#include "mf/mf_conv2d_s8_scalar_1x4.h"
#include "mf/mf_copy2d_s8_ref.h"
#include "mf/mf_layernorm_s8_ref.h"
#include "mf/mf_linear_s8_ref.h"
#include "mf/mf_linear_s8_scalar_1x4.h"

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

/* Each layer is a function of its own, so that a profiler can tell them apart. */
/* flatten: the kernel's code is specialised for the shapes written here */
#if defined(__clang__)
#define MF_LAYER __attribute__((noinline, flatten)) static void
#elif defined(__GNUC__) /* noipa: at -Os GCC 12 drops layers that it takes as dead */
#define MF_LAYER __attribute__((noipa, flatten)) static void
#else
#define MF_LAYER static void
#endif

/* For several layers of one shape. */
MF_LAYER linear_s8_scalar_1x4_0(
      const void *a0, const void *a1, const void *a2, const void *a3, void *a5, void *a10) {
  mf_linear_s8_scalar_1x4(
      a0, a1, a2, a3, 0, a5, 17, 32, 32, 21, a10);
}

/* For several layers of one shape. */
MF_LAYER linear_s8_scalar_1x4_1(
      const void *a0, const void *a1, const void *a2, const void *a3, const void *a4, void *a5,
      void *a10) {
  mf_linear_s8_scalar_1x4(
      a0, a1, a2, a3, a4, a5, 17, 32, 64, 21, a10);
}

/* For several layers of one shape. */
MF_LAYER linear_s8_scalar_1x4_2(
      const void *a0, const void *a1, const void *a2, const void *a3, void *a5, void *a10) {
  mf_linear_s8_scalar_1x4(
      a0, a1, a2, a3, 0, a5, 17, 64, 32, 21, a10);
}

/* stem: Conv2d 8x8x1 -> 4x4x32, 2x2 stride 2x2, 2048 MAC */
MF_LAYER layer_00_stem(const int8_t *in, uint8_t *arena) {
  mf_conv2d_s8_scalar_1x4(
      in, digits_vit_w_stem_weight, digits_vit_w_stem_mult, digits_vit_w_stem_add, 0,
      (int8_t *)(arena + 3808), 8, 8, 1, 4, 4, 32, 2, 2, 2, 2, 0, 0, 1, 1, 1, -128, 23, arena + 0);
}

/* concat.0: Concat 1x32 */
MF_LAYER layer_01_concat_0(uint8_t *arena) {
  mf_copy2d_s8_ref(
      digits_vit_w_concat_constant, (int8_t *)(arena + 3776), 1, 32, 0, 32, 0, 544);
}

/* add: Add 17x32 */
MF_LAYER layer_02_add(uint8_t *arena) {
  mf_add_s8_ref(
      (const int8_t *)(arena + 3776), digits_vit_w_add_constant, (int8_t *)(arena + 3776), 544,
      544, 29106, 15340, -325742, 15, 0);
}

/* blocks.0.norm1: LayerNorm 17x32 */
MF_LAYER layer_03_blocks_0_norm1(uint8_t *arena) {
  mf_layernorm_s8_ref(
      (const int8_t *)(arena + 3776), digits_vit_w_blocks_0_norm1_mult,
      digits_vit_w_blocks_0_norm1_add, (int8_t *)(arena + 1344), 17, 32, 168, 12, 22, 0);
}

/* blocks.0.self_attn.q: Linear 17x32 -> 17x32, 17408 MAC */
MF_LAYER layer_04_blocks_0_self_attn_q(uint8_t *arena) {
  linear_s8_scalar_1x4_0(
      (const int8_t *)(arena + 1344), digits_vit_w_blocks_0_self_attn_q_weight,
      digits_vit_w_blocks_0_self_attn_q_mult, digits_vit_w_blocks_0_self_attn_q_add,
      (int8_t *)(arena + 1888), arena + 0);
}

/* blocks.0.self_attn.k: Linear 17x32 -> 17x32, 17408 MAC */
MF_LAYER layer_05_blocks_0_self_attn_k(uint8_t *arena) {
  linear_s8_scalar_1x4_0(
      (const int8_t *)(arena + 1344), digits_vit_w_blocks_0_self_attn_k_weight,
      digits_vit_w_blocks_0_self_attn_k_mult, digits_vit_w_blocks_0_self_attn_k_add,
      (int8_t *)(arena + 2432), arena + 0);
}

/* blocks.0.self_attn.v: Linear 17x32 -> 17x32, 17408 MAC */
MF_LAYER layer_06_blocks_0_self_attn_v(uint8_t *arena) {
  linear_s8_scalar_1x4_0(
      (const int8_t *)(arena + 1344), digits_vit_w_blocks_0_self_attn_v_weight,
      digits_vit_w_blocks_0_self_attn_v_mult, digits_vit_w_blocks_0_self_attn_v_add,
      (int8_t *)(arena + 2976), arena + 0);
}

/* blocks.0.self_attn.attention: Attention 4 heads, 17x17, P=8, 18496 MAC */
MF_LAYER layer_07_blocks_0_self_attn_attention(uint8_t *arena) {
  mf_attention_s8_ref(
      (const int8_t *)(arena + 1888), (const int8_t *)(arena + 2432),
      (const int8_t *)(arena + 2976), digits_vit_w_softmax_lut, 0, (int8_t *)(arena + 1344), 17,
      17, 4, 4, 8, 8, 0, 0, 1, 4118, 18, 0, 0, 0, 12468060, 23, 11434392, 22, 8, arena + 0);
}

/* blocks.0.self_attn.out: Linear 17x32 -> 17x32, 17408 MAC */
MF_LAYER layer_08_blocks_0_self_attn_out(uint8_t *arena) {
  linear_s8_scalar_1x4_0(
      (const int8_t *)(arena + 1344), digits_vit_w_blocks_0_self_attn_out_weight,
      digits_vit_w_blocks_0_self_attn_out_mult, digits_vit_w_blocks_0_self_attn_out_add,
      (int8_t *)(arena + 1888), arena + 0);
}

/* blocks.0.add: Add 17x32 */
MF_LAYER layer_09_blocks_0_add(uint8_t *arena) {
  mf_add_s8_ref(
      (const int8_t *)(arena + 3776), (const int8_t *)(arena + 1888), (int8_t *)(arena + 3776),
      544, 544, 19483, 27167, 11913, 15, 0);
}

/* blocks.0.norm2: LayerNorm 17x32 */
MF_LAYER layer_10_blocks_0_norm2(uint8_t *arena) {
  mf_layernorm_s8_ref(
      (const int8_t *)(arena + 3776), digits_vit_w_blocks_0_norm2_mult,
      digits_vit_w_blocks_0_norm2_add, (int8_t *)(arena + 1344), 17, 32, 59, 12, 22, 0);
}

/* blocks.0.linear1: Linear 17x32 -> 17x64, 34816 MAC */
MF_LAYER layer_11_blocks_0_linear1(uint8_t *arena) {
  linear_s8_scalar_1x4_1(
      (const int8_t *)(arena + 1344), digits_vit_w_blocks_0_linear1_weight,
      digits_vit_w_blocks_0_linear1_mult, digits_vit_w_blocks_0_linear1_add,
      digits_vit_w_blocks_0_gelu_table, (int8_t *)(arena + 2688), arena + 0);
}

/* blocks.0.linear2: Linear 17x64 -> 17x32, 34816 MAC */
MF_LAYER layer_12_blocks_0_linear2(uint8_t *arena) {
  linear_s8_scalar_1x4_2(
      (const int8_t *)(arena + 2688), digits_vit_w_blocks_0_linear2_weight,
      digits_vit_w_blocks_0_linear2_mult, digits_vit_w_blocks_0_linear2_add,
      (int8_t *)(arena + 4320), arena + 0);
}

/* blocks.0.add_2: Add 17x32 */
MF_LAYER layer_13_blocks_0_add_2(uint8_t *arena) {
  mf_add_s8_ref(
      (const int8_t *)(arena + 3776), (const int8_t *)(arena + 4320), (int8_t *)(arena + 3776),
      544, 544, 27707, 26346, -134675, 15, 0);
}

/* blocks.1.norm1: LayerNorm 17x32 */
MF_LAYER layer_14_blocks_1_norm1(uint8_t *arena) {
  mf_layernorm_s8_ref(
      (const int8_t *)(arena + 3776), digits_vit_w_blocks_1_norm1_mult,
      digits_vit_w_blocks_1_norm1_add, (int8_t *)(arena + 1344), 17, 32, 42, 12, 22, 0);
}

/* blocks.1.self_attn.q: Linear 17x32 -> 17x32, 17408 MAC */
MF_LAYER layer_15_blocks_1_self_attn_q(uint8_t *arena) {
  linear_s8_scalar_1x4_0(
      (const int8_t *)(arena + 1344), digits_vit_w_blocks_1_self_attn_q_weight,
      digits_vit_w_blocks_1_self_attn_q_mult, digits_vit_w_blocks_1_self_attn_q_add,
      (int8_t *)(arena + 1888), arena + 0);
}

/* blocks.1.self_attn.k: Linear 17x32 -> 17x32, 17408 MAC */
MF_LAYER layer_16_blocks_1_self_attn_k(uint8_t *arena) {
  linear_s8_scalar_1x4_0(
      (const int8_t *)(arena + 1344), digits_vit_w_blocks_1_self_attn_k_weight,
      digits_vit_w_blocks_1_self_attn_k_mult, digits_vit_w_blocks_1_self_attn_k_add,
      (int8_t *)(arena + 2432), arena + 0);
}

/* blocks.1.self_attn.v: Linear 17x32 -> 17x32, 17408 MAC */
MF_LAYER layer_17_blocks_1_self_attn_v(uint8_t *arena) {
  linear_s8_scalar_1x4_0(
      (const int8_t *)(arena + 1344), digits_vit_w_blocks_1_self_attn_v_weight,
      digits_vit_w_blocks_1_self_attn_v_mult, digits_vit_w_blocks_1_self_attn_v_add,
      (int8_t *)(arena + 2976), arena + 0);
}

/* blocks.1.self_attn.attention: Attention 4 heads, 17x17, P=8, 18496 MAC */
MF_LAYER layer_18_blocks_1_self_attn_attention(uint8_t *arena) {
  mf_attention_s8_ref(
      (const int8_t *)(arena + 1888), (const int8_t *)(arena + 2432),
      (const int8_t *)(arena + 2976), digits_vit_w_softmax_lut, 0, (int8_t *)(arena + 1344), 17,
      17, 4, 4, 8, 8, 0, 0, 1, 7944, 20, 0, 0, 0, 13556336, 23, 7415184, -15, -13, arena + 0);
}

/* blocks.1.self_attn.out: Linear 17x32 -> 17x32, 17408 MAC */
MF_LAYER layer_19_blocks_1_self_attn_out(uint8_t *arena) {
  mf_linear_s8_scalar_1x4(
      (const int8_t *)(arena + 1344), digits_vit_w_blocks_1_self_attn_out_weight,
      digits_vit_w_blocks_1_self_attn_out_mult, digits_vit_w_blocks_1_self_attn_out_add, 0,
      (int8_t *)(arena + 1888), 17, 32, 32, 22, arena + 0);
}

/* blocks.1.add: Add 17x32 */
MF_LAYER layer_20_blocks_1_add(uint8_t *arena) {
  mf_add_s8_ref(
      (const int8_t *)(arena + 3776), (const int8_t *)(arena + 1888), (int8_t *)(arena + 3776),
      544, 544, 18398, 24397, 256102, 15, 0);
}

/* blocks.1.norm2: LayerNorm 17x32 */
MF_LAYER layer_21_blocks_1_norm2(uint8_t *arena) {
  mf_layernorm_s8_ref(
      (const int8_t *)(arena + 3776), digits_vit_w_blocks_1_norm2_mult,
      digits_vit_w_blocks_1_norm2_add, (int8_t *)(arena + 1344), 17, 32, 13, 12, 22, 0);
}

/* blocks.1.linear1: Linear 17x32 -> 17x64, 34816 MAC */
MF_LAYER layer_22_blocks_1_linear1(uint8_t *arena) {
  linear_s8_scalar_1x4_1(
      (const int8_t *)(arena + 1344), digits_vit_w_blocks_1_linear1_weight,
      digits_vit_w_blocks_1_linear1_mult, digits_vit_w_blocks_1_linear1_add,
      digits_vit_w_blocks_1_gelu_table, (int8_t *)(arena + 2688), arena + 0);
}

/* blocks.1.linear2: Linear 17x64 -> 17x32, 34816 MAC */
MF_LAYER layer_23_blocks_1_linear2(uint8_t *arena) {
  linear_s8_scalar_1x4_2(
      (const int8_t *)(arena + 2688), digits_vit_w_blocks_1_linear2_weight,
      digits_vit_w_blocks_1_linear2_mult, digits_vit_w_blocks_1_linear2_add,
      (int8_t *)(arena + 4320), arena + 0);
}

/* blocks.1.add_2: Add 17x32 */
MF_LAYER layer_24_blocks_1_add_2(uint8_t *arena) {
  mf_add_s8_ref(
      (const int8_t *)(arena + 3776), (const int8_t *)(arena + 4320), (int8_t *)(arena + 3776),
      544, 544, 26548, 22503, 350292, 15, 0);
}

/* norm: LayerNorm 1x32 */
MF_LAYER layer_25_norm(uint8_t *arena) {
  mf_layernorm_s8_ref(
      (const int8_t *)(arena + 3776), digits_vit_w_norm_mult, digits_vit_w_norm_add,
      (int8_t *)(arena + 0), 1, 32, 9, 12, 22, 0);
}

/* head: Linear 1x32 -> 1x10, 320 MAC */
MF_LAYER layer_26_head(int8_t *out, uint8_t *arena) {
  mf_linear_s8_ref(
      (const int8_t *)(arena + 0), digits_vit_w_head_weight, digits_vit_w_head_mult,
      digits_vit_w_head_add, 0, out, 1, 32, 10, 21, 0);
}

void digits_vit_run(const int8_t *in, int8_t *out, void *arena) {
  uint8_t *const bytes = (uint8_t *)arena;
  MF_ASSERT(((uintptr_t)arena & (DIGITS_VIT_ARENA_ALIGNMENT - 1u)) == 0);
  MF_LAYER_AT(0);
  layer_00_stem(in, bytes);
  MF_LAYER_AT(1);
  layer_01_concat_0(bytes);
  MF_LAYER_AT(2);
  layer_02_add(bytes);
  MF_LAYER_AT(3);
  layer_03_blocks_0_norm1(bytes);
  MF_LAYER_AT(4);
  layer_04_blocks_0_self_attn_q(bytes);
  MF_LAYER_AT(5);
  layer_05_blocks_0_self_attn_k(bytes);
  MF_LAYER_AT(6);
  layer_06_blocks_0_self_attn_v(bytes);
  MF_LAYER_AT(7);
  layer_07_blocks_0_self_attn_attention(bytes);
  MF_LAYER_AT(8);
  layer_08_blocks_0_self_attn_out(bytes);
  MF_LAYER_AT(9);
  layer_09_blocks_0_add(bytes);
  MF_LAYER_AT(10);
  layer_10_blocks_0_norm2(bytes);
  MF_LAYER_AT(11);
  layer_11_blocks_0_linear1(bytes);
  MF_LAYER_AT(12);
  layer_12_blocks_0_linear2(bytes);
  MF_LAYER_AT(13);
  layer_13_blocks_0_add_2(bytes);
  MF_LAYER_AT(14);
  layer_14_blocks_1_norm1(bytes);
  MF_LAYER_AT(15);
  layer_15_blocks_1_self_attn_q(bytes);
  MF_LAYER_AT(16);
  layer_16_blocks_1_self_attn_k(bytes);
  MF_LAYER_AT(17);
  layer_17_blocks_1_self_attn_v(bytes);
  MF_LAYER_AT(18);
  layer_18_blocks_1_self_attn_attention(bytes);
  MF_LAYER_AT(19);
  layer_19_blocks_1_self_attn_out(bytes);
  MF_LAYER_AT(20);
  layer_20_blocks_1_add(bytes);
  MF_LAYER_AT(21);
  layer_21_blocks_1_norm2(bytes);
  MF_LAYER_AT(22);
  layer_22_blocks_1_linear1(bytes);
  MF_LAYER_AT(23);
  layer_23_blocks_1_linear2(bytes);
  MF_LAYER_AT(24);
  layer_24_blocks_1_add_2(bytes);
  MF_LAYER_AT(25);
  layer_25_norm(bytes);
  MF_LAYER_AT(26);
  layer_26_head(out, bytes);
  MF_LAYER_AT(27);
}
