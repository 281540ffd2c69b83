/* SPDX-License-Identifier: Apache-2.0 */
/* Projections to the queries, keys and values of a group of heads, straight to what the products of
 * attention read: queries in rows, keys in panels of keys, values in panels of channels. */
#ifndef MF_HEADS_XPULP_H
#define MF_HEADS_XPULP_H

#include "mf_attention_xpulp.h"
#include "mf_matrix_xpulp.h"

/* Shapes, and places in L1. */
typedef struct {
  int32_t quads;       /* of rows */
  int32_t words;       /* of a row of x */
  int32_t queries;     /* heads of queries a head of keys */
  int32_t key_quads;   /* panels of a head's queries or keys */
  int32_t value_quads; /* panels of a head's values */
  int32_t q_shift, k_shift, v_shift;
  int32_t q_stride;    /* bytes of a query row */
  int32_t key_size, value_size; /* words of a head's keys, of its values */
  const int8_t *x;     /* [4 quads, stride of words] */
  int8_t *q;           /* [group, queries, 4 quads, q_stride] */
  int32_t *keys;       /* [group, key_size] */
  int32_t *values;     /* [group, value_size] */
} mf_heads_t;

/* The part of a run of panels that lies in one head's queries, keys or values. `panel` counts
 * within the group; `run` has the rows. Returns how many of `most` tiles were done. */
MF_INLINE int32_t mf_project_part(
    const mf_heads_t *to, mf_run_t *run, int32_t panel, int32_t quad, int32_t most,
    int32_t down) {
  const int32_t head_panels = (to->queries + 1) * to->key_quads + to->value_quads;
  const int32_t kv = panel / head_panels, at = panel - kv * head_panels;
  const int32_t key_begin = to->queries * to->key_quads, value_begin = key_begin + to->key_quads;
  int32_t end;
  run->pitch = 4;
  if (at < key_begin) {
    const int32_t head = at / to->key_quads, in_head = at - head * to->key_quads;
    int8_t *const rows = to->q + ((kv * to->queries + head) * to->quads + quad) * 4 * to->q_stride;
    run->y = rows + 4 * in_head;
    run->pitch = to->q_stride;
    run->y_step = down ? 4 * to->q_stride : 4;
    end = to->key_quads - in_head;
  } else if (at < value_begin) {
    const int32_t size = mf_key_panel(to->key_quads);
    int32_t *const place = to->keys + kv * to->key_size + quad * size + 4 * (at - key_begin);
    run->y = (int8_t *)place;
    run->y_step = down ? 4 * size : 16;
    end = value_begin - at;
  } else {
    const int32_t size = mf_value_panel(4 * to->quads);
    int32_t *const place = to->values + kv * to->value_size + (at - value_begin) * size + 4 * quad;
    run->y = (int8_t *)place;
    run->y_step = down ? 16 : 4 * size;
    end = head_panels - at;
  }
  run->count = down || most < end ? most : end;
  if (at < value_begin) {
    mf_run_rows(run, at < key_begin ? to->q_shift : to->k_shift);
  } else {
    mf_run_columns(run, to->v_shift);
  }
  return run->count;
}

/* `count` panels from the group's panel `first` on, for all rows: this core's share. */
MF_INLINE void mf_project(
    const mf_heads_t *to, const int32_t *panels, int32_t first, int32_t count) {
  const int32_t size = 4 * to->words + 9, stride = 4 * (to->words | 1), quads = to->quads;
  const int32_t down = quads > to->key_quads, length = down ? quads : count;
  const mf_tiles_t part = mf_share_lines(down ? count : quads, length);
  int32_t line = part.line, at = part.at;
  mf_run_t run = {to->x, stride, down ? 4 * stride : 0, panels, down ? 0 : size, to->words, NULL,
                  0, 0, 0};
  for (int32_t left = part.count; left > 0;) {
    const int32_t quad = down ? at : line, panel = down ? line : at;
    const int32_t most = at + left < length ? left : length - at;
    run.rows = to->x + quad * 4 * stride;
    run.columns = panels + panel * size;
    const int32_t done = mf_project_part(to, &run, first + panel, quad, most, down);
    left -= done, at += done;
    if (at == length) {
      at = 0, line++;
    }
  }
}

#endif
