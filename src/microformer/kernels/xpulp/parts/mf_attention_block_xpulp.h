/* SPDX-License-Identifier: Apache-2.0 */
/* A whole attention layer on a cluster: what its kernel is made of.
 *
 * All panels of all projections lie in the order of their use, so that one stream brings them: for
 * each head of keys those of its queries, of its keys and of its values, then those of the output.
 * `group` such heads at a time are projected straight to what the products read, by all cores; then
 * the cores share their (head, four rows); at last the output product reads the whole context. */
#ifndef MF_ATTENTION_BLOCK_XPULP_H
#define MF_ATTENTION_BLOCK_XPULP_H

#include "mf_heads_xpulp.h"

/* Words of one of the stream's two buffers: enough panels of the output for eight cores, and those
 * of a head's queries. */
MF_INLINE int32_t mf_block_room(
    int32_t rows, int32_t e_panel, int32_t key_quads, int32_t out_panel, int32_t n) {
  const int32_t quads = (rows + 3) >> 2, wanted = (7 + quads) / quads, panels = (n + 3) >> 2;
  const int32_t out = out_panel * (wanted < panels ? wanted : panels);
  const int32_t head = e_panel * (key_quads < 16 ? key_quads : 16);
  const int32_t most = out > head ? out : head;
  return most > 512 ? most : 512;
}

/* Panels of a group between two barriers: whole heads, or in eight equal parts, where possible. */
MF_INLINE int32_t mf_block_chunk(
    int32_t room, int32_t panel, int32_t quads, int32_t panels, int32_t key_quads) {
  const int32_t fit = room / panel, part = quads & 7 ? 8 : key_quads;
  const int32_t chunk = fit > part ? fit - fit % part : fit;
  return chunk < panels ? chunk : panels;
}

/* The layer. `weight` is all panels; scratch: two buffers of the stream
 * unless they are in L1, x staged, context, queries,
 * keys, values of a group, each core's part, the table. */
MF_INLINE void mf_attention_block_xpulp(
    const int8_t *x, const int32_t *weight, const uint8_t *lut, const int32_t *bias, int8_t *y,
    int32_t rows, int32_t e, int32_t n, const int32_t shifts[4], int32_t heads, int32_t kv_heads,
    int32_t head_dim, int32_t value_dim, int32_t bias_stride, mf_attend_t *op, void *scratch) {
  const int32_t quads = (rows + 3) >> 2, queries = heads / kv_heads;
  const int32_t key_quads = (head_dim + 3) >> 2, value_quads = (value_dim + 3) >> 2;
  const int32_t group = mf_head_group(rows, heads, kv_heads);
  const int32_t context_k = 4 * heads * value_quads, context_stride = mf_row_stride(context_k);
  const int32_t panel = mf_panel_words(e), out_panel = mf_panel_words(context_k);
  const int32_t in_l1 = mf_is_in_l1(weight);
  const int32_t room = in_l1 ? 0 : mf_block_room(rows, panel, key_quads, out_panel, n);
  const int32_t head_panels = (queries + 1) * key_quads + value_quads;
  int32_t *const buffers = (int32_t *)scratch;
  int8_t *const staged = (int8_t *)(buffers + 2 * room);
  int8_t *const context = staged + 4 * quads * mf_row_stride(e);
  const int32_t q_stride = mf_row_stride(4 * key_quads);
  const int32_t key_size = quads * mf_key_panel(key_quads);
  const int32_t value_size = value_quads * mf_value_panel(rows);
  int8_t *const q = context + 4 * quads * context_stride;
  int32_t *const keys = (int32_t *)(void *)(q + group * queries * 4 * quads * q_stride);
  int32_t *const values = keys + group * key_size;
  int32_t *const work = values + group * value_size;
  const int32_t core_words = mf_core_words(rows, bias != NULL);
  const mf_heads_t to = {
      quads, mf_row_words(e), queries, key_quads, value_quads, shifts[0], shifts[1], shifts[2],
      q_stride, key_size, value_size, staged, q, keys, values};
  if (lut != NULL && in_l1) {
    op->exponential.lut.table = (const uint8_t *)mf_in_l1(lut, work + 8 * core_words, 256);
  } else if (lut != NULL && !mf_is_in_l1(lut)) { /* here before the panels that come after it */
    op->exponential.lut.table = (const uint8_t *)(work + 8 * core_words);
    if (mf_core() == 0) {
      (void)mf_copy_rows(work + 8 * core_words, lut, 256, 1, 0, 0);
    }
  }
  const int32_t first_panels = head_panels * group;
  const int32_t chunk = in_l1 ? first_panels : mf_block_chunk(room, panel, quads, first_panels, key_quads);
  int32_t next = in_l1 ? chunk : (chunk + 2) / 3; /* panels under way; few at first */
  mf_stream_t stream = {weight, buffers, in_l1, 0, 0};
  mf_stream_next(&stream, next * panel, room);
  mf_stage_rows(x, staged, rows, e);
  const int32_t out_panels = (n + 3) >> 2;
  const int32_t out_chunk = in_l1 ? out_panels : mf_block_chunk(room, out_panel, quads, out_panels, 1);
  for (int32_t head = 0; head < kv_heads; head += group) {
    const int32_t here = kv_heads - head < group ? kv_heads - head : group;
    const int32_t panels = here * head_panels;
    for (int32_t at = 0; at < panels;) {
      const int32_t count = next;
      const int32_t *from = mf_stream_take(&stream, count * panel, room);
      const int32_t left = panels - at - count;
      const int32_t following = kv_heads - head - here < group ? kv_heads - head - here : group;
      next = left > 0 ? left : following * head_panels;
      next = next < chunk ? next : chunk;
      mf_stream_next(&stream, next > 0 ? next * panel : out_chunk * out_panel, room);
      mf_project(&to, from, at, count);
      at += count;
    }
    mf_barrier();
    const mf_share_t share = mf_share(here * queries * quads);
    for (int32_t unit = share.begin; unit < share.end; unit++) {
      const int32_t local = unit / quads, quad = unit - local * quads, kv = local / queries;
      const int32_t whole = head * queries + local, row = 4 * quad;
      const int32_t count = rows - row < 4 ? rows - row : 4;
      mf_attend(
          op, q + unit * 4 * q_stride, q_stride, keys + kv * key_size, values + kv * value_size,
          bias != NULL ? bias + (whole * bias_stride + row * rows) : NULL,
          context + row * context_stride + 4 * whole * value_quads, context_stride, row, count,
          work + mf_core() * core_words);
    }
  }
  for (int32_t at = 0, count = out_chunk; at < out_panels;) {
    const int32_t *from = mf_stream_take(&stream, count * out_panel, room);
    const int32_t left = out_panels - at - count, after = left < out_chunk ? left : out_chunk;
    mf_stream_next(&stream, after * out_panel, room);
    mf_panels_to_rows(
        context, from, NULL, y + 4 * at, rows, heads * value_quads, count, n - 4 * at, n,
        shifts[3]);
    at += count, count = after;
  }
}

#endif
