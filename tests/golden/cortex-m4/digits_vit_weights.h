/* SPDX-License-Identifier: LicenseRef-Model */
/* Constants of digits_vit, as its model is licensed. Written by microformer 0.2.0. */
#ifndef DIGITS_VIT_WEIGHTS_H
#define DIGITS_VIT_WEIGHTS_H

#include <stdint.h>

/* stem.weight: int8 [32 x 2 x 2 x 1] */
extern const int8_t digits_vit_w_stem_weight[128];
/* stem.mult: int32 [32] */
extern const int32_t digits_vit_w_stem_mult[32];
/* stem.add: int32 [32] */
extern const int32_t digits_vit_w_stem_add[32];
/* concat.constant: int8 [1 x 32] */
extern const int8_t digits_vit_w_concat_constant[32];
/* add.constant: int8 [17 x 32] */
extern const int8_t digits_vit_w_add_constant[544];
/* blocks.0.norm1.mult: int32 [32] */
extern const int32_t digits_vit_w_blocks_0_norm1_mult[32];
/* blocks.0.norm1.add: int32 [32] */
extern const int32_t digits_vit_w_blocks_0_norm1_add[32];
/* blocks.0.self_attn.q.weight: int8 [32 x 32] */
extern const int8_t digits_vit_w_blocks_0_self_attn_q_weight[1024];
/* blocks.0.self_attn.q.mult: int32 [32] */
extern const int32_t digits_vit_w_blocks_0_self_attn_q_mult[32];
/* blocks.0.self_attn.q.add: int32 [32] */
extern const int32_t digits_vit_w_blocks_0_self_attn_q_add[32];
/* blocks.0.self_attn.k.weight: int8 [32 x 32] */
extern const int8_t digits_vit_w_blocks_0_self_attn_k_weight[1024];
/* blocks.0.self_attn.k.mult: int32 [32] */
extern const int32_t digits_vit_w_blocks_0_self_attn_k_mult[32];
/* blocks.0.self_attn.k.add: int32 [32] */
extern const int32_t digits_vit_w_blocks_0_self_attn_k_add[32];
/* blocks.0.self_attn.v.weight: int8 [32 x 32] */
extern const int8_t digits_vit_w_blocks_0_self_attn_v_weight[1024];
/* blocks.0.self_attn.v.mult: int32 [32] */
extern const int32_t digits_vit_w_blocks_0_self_attn_v_mult[32];
/* blocks.0.self_attn.v.add: int32 [32] */
extern const int32_t digits_vit_w_blocks_0_self_attn_v_add[32];
/* softmax_lut: uint8 [256] */
extern const uint8_t digits_vit_w_softmax_lut[256];
/* blocks.0.self_attn.out.weight: int8 [32 x 32] */
extern const int8_t digits_vit_w_blocks_0_self_attn_out_weight[1024];
/* blocks.0.self_attn.out.mult: int32 [32] */
extern const int32_t digits_vit_w_blocks_0_self_attn_out_mult[32];
/* blocks.0.self_attn.out.add: int32 [32] */
extern const int32_t digits_vit_w_blocks_0_self_attn_out_add[32];
/* blocks.0.norm2.mult: int32 [32] */
extern const int32_t digits_vit_w_blocks_0_norm2_mult[32];
/* blocks.0.norm2.add: int32 [32] */
extern const int32_t digits_vit_w_blocks_0_norm2_add[32];
/* blocks.0.linear1.weight: int8 [64 x 32] */
extern const int8_t digits_vit_w_blocks_0_linear1_weight[2048];
/* blocks.0.linear1.mult: int32 [64] */
extern const int32_t digits_vit_w_blocks_0_linear1_mult[64];
/* blocks.0.linear1.add: int32 [64] */
extern const int32_t digits_vit_w_blocks_0_linear1_add[64];
/* blocks.0.gelu.table: int8 [256] */
extern const int8_t digits_vit_w_blocks_0_gelu_table[256];
/* blocks.0.linear2.weight: int8 [32 x 64] */
extern const int8_t digits_vit_w_blocks_0_linear2_weight[2048];
/* blocks.0.linear2.mult: int32 [32] */
extern const int32_t digits_vit_w_blocks_0_linear2_mult[32];
/* blocks.0.linear2.add: int32 [32] */
extern const int32_t digits_vit_w_blocks_0_linear2_add[32];
/* blocks.1.norm1.mult: int32 [32] */
extern const int32_t digits_vit_w_blocks_1_norm1_mult[32];
/* blocks.1.norm1.add: int32 [32] */
extern const int32_t digits_vit_w_blocks_1_norm1_add[32];
/* blocks.1.self_attn.q.weight: int8 [32 x 32] */
extern const int8_t digits_vit_w_blocks_1_self_attn_q_weight[1024];
/* blocks.1.self_attn.q.mult: int32 [32] */
extern const int32_t digits_vit_w_blocks_1_self_attn_q_mult[32];
/* blocks.1.self_attn.q.add: int32 [32] */
extern const int32_t digits_vit_w_blocks_1_self_attn_q_add[32];
/* blocks.1.self_attn.k.weight: int8 [32 x 32] */
extern const int8_t digits_vit_w_blocks_1_self_attn_k_weight[1024];
/* blocks.1.self_attn.k.mult: int32 [32] */
extern const int32_t digits_vit_w_blocks_1_self_attn_k_mult[32];
/* blocks.1.self_attn.k.add: int32 [32] */
extern const int32_t digits_vit_w_blocks_1_self_attn_k_add[32];
/* blocks.1.self_attn.v.weight: int8 [32 x 32] */
extern const int8_t digits_vit_w_blocks_1_self_attn_v_weight[1024];
/* blocks.1.self_attn.v.mult: int32 [32] */
extern const int32_t digits_vit_w_blocks_1_self_attn_v_mult[32];
/* blocks.1.self_attn.v.add: int32 [32] */
extern const int32_t digits_vit_w_blocks_1_self_attn_v_add[32];
/* blocks.1.self_attn.out.weight: int8 [32 x 32] */
extern const int8_t digits_vit_w_blocks_1_self_attn_out_weight[1024];
/* blocks.1.self_attn.out.mult: int32 [32] */
extern const int32_t digits_vit_w_blocks_1_self_attn_out_mult[32];
/* blocks.1.self_attn.out.add: int32 [32] */
extern const int32_t digits_vit_w_blocks_1_self_attn_out_add[32];
/* blocks.1.norm2.mult: int32 [32] */
extern const int32_t digits_vit_w_blocks_1_norm2_mult[32];
/* blocks.1.norm2.add: int32 [32] */
extern const int32_t digits_vit_w_blocks_1_norm2_add[32];
/* blocks.1.linear1.weight: int8 [64 x 32] */
extern const int8_t digits_vit_w_blocks_1_linear1_weight[2048];
/* blocks.1.linear1.mult: int32 [64] */
extern const int32_t digits_vit_w_blocks_1_linear1_mult[64];
/* blocks.1.linear1.add: int32 [64] */
extern const int32_t digits_vit_w_blocks_1_linear1_add[64];
/* blocks.1.gelu.table: int8 [256] */
extern const int8_t digits_vit_w_blocks_1_gelu_table[256];
/* blocks.1.linear2.weight: int8 [32 x 64] */
extern const int8_t digits_vit_w_blocks_1_linear2_weight[2048];
/* blocks.1.linear2.mult: int32 [32] */
extern const int32_t digits_vit_w_blocks_1_linear2_mult[32];
/* blocks.1.linear2.add: int32 [32] */
extern const int32_t digits_vit_w_blocks_1_linear2_add[32];
/* norm.mult: int32 [32] */
extern const int32_t digits_vit_w_norm_mult[32];
/* norm.add: int32 [32] */
extern const int32_t digits_vit_w_norm_add[32];
/* head.weight: int8 [10 x 32] */
extern const int8_t digits_vit_w_head_weight[320];
/* head.mult: int32 [10] */
extern const int32_t digits_vit_w_head_mult[10];
/* head.add: int32 [10] */
extern const int32_t digits_vit_w_head_add[10];

#endif
