/* SPDX-License-Identifier: Apache-2.0 */
/* The projections of one head of an attention layer, straight to the pairs that its products read. */
#ifndef MF_PROJECTIONS_DSP_H
#define MF_PROJECTIONS_DSP_H

#include "mf_matrix_dsp.h"

/* One projection: weight [n, k] and the constants of (2). */
typedef struct {
  const int8_t *weight;
  const int32_t *mult;
  const int32_t *add;
} mf_projection_t;

/* Words of a row of k values as pairs. */
static inline int32_t mf_words(int32_t k) { return 2 * ((k + 3) >> 2); }

/* Words of a pair of rows of queries, or of the context that takes their place. */
static inline int32_t mf_query_words(int32_t head_dim, int32_t value_dim) {
  return mf_words(head_dim > value_dim ? head_dim : value_dim);
}

/* Requantises a tile of a projection; channels from `width` on are zero. */
MF_INLINE void mf_tile_values(int32_t sums[8], int32_t width, int32_t shift) {
  for (int32_t i = 0; i < 8; i++) {
    sums[i] = (i & 3) < width ? mf_clamp8(sums[i] >> shift) : 0;
  }
}

/* Queries of one head to pairs, two rows together. */
MF_PHASE void mf_project_queries(
    const uint32_t *x, uint32_t *panel, uint32_t *queries, mf_projection_t by, int32_t pairs,
    int32_t e, int32_t head_dim, int32_t value_dim, int32_t shift) {
  const int32_t words = mf_query_words(head_dim, value_dim);
  for (int32_t c = 0; c < head_dim; c += 4) {
    uint32_t *to = queries + c;
    mf_fill_panel(panel, by.weight, by.mult, by.add, c, e, head_dim, e);
    const uint32_t *from = x;
    for (int32_t pair = pairs; pair > 0; pair--, to += 2 * words) {
      int32_t s[8];
      from = mf_dot_2x4(from, panel, mf_words(e), 1, s);
      mf_tile_values(s, (head_dim & 3) == 0 ? 4 : head_dim - c, shift);
      to[0] = mf_pack(s[0], s[2]), to[1] = mf_pack(s[4], s[6]);
      to[2] = mf_pack(s[1], s[3]), to[3] = mf_pack(s[5], s[7]);
    }
  }
}

/* Keys of one head to panels of four. */
MF_PHASE void mf_project_keys(
    const uint32_t *x, uint32_t *panel, uint32_t *keys, mf_projection_t by, int32_t quads,
    int32_t e, int32_t head_dim, int32_t shift) {
  for (int32_t c = 0; c < head_dim; c += 4) {
    uint32_t *to = keys + 2 * c;
    mf_fill_panel(panel, by.weight, by.mult, by.add, c, e, head_dim, e);
    const uint32_t *from = x;
    int32_t step = 2; /* to the other half of a panel, or to the next panel */
    for (int32_t pair = 2 * quads; pair > 0; pair--) {
      int32_t s[8];
      from = mf_dot_2x4(from, panel, mf_words(e), 1, s);
      mf_tile_values(s, (head_dim & 3) == 0 ? 4 : head_dim - c, shift);
      to[0] = mf_pack(s[0], s[2]), to[1] = mf_pack(s[4], s[6]);
      to[4] = mf_pack(s[1], s[3]), to[5] = mf_pack(s[5], s[7]);
      to += step;
      step = 4 * mf_words(head_dim) - step;
    }
  }
}

/* Values of one head to panels of four channels. */
MF_PHASE void mf_project_values(
    const uint32_t *x, uint32_t *panel, uint32_t *values, mf_projection_t by, int32_t quads,
    int32_t e, int32_t value_dim, int32_t shift) {
  uint32_t *to = values;
  for (int32_t c = 0; c < value_dim; c += 4) {
    mf_fill_panel(panel, by.weight, by.mult, by.add, c, e, value_dim, e);
    const uint32_t *from = x;
    for (int32_t pair = 2 * quads; pair > 0; pair--, to += 4) {
      int32_t s[8];
      from = mf_dot_2x4(from, panel, mf_words(e), 1, s);
      mf_tile_values(s, (value_dim & 3) == 0 ? 4 : value_dim - c, shift);
      to[0] = mf_pack(s[0], s[4]), to[1] = mf_pack(s[1], s[5]);
      to[2] = mf_pack(s[2], s[6]), to[3] = mf_pack(s[3], s[7]);
    }
  }
}

/* One head's part of the output projection, added to the sums; the first head sets them. */
MF_PHASE void mf_project_output(
    const uint32_t *context, uint32_t *panel, int32_t *sums, mf_projection_t by, int32_t pairs,
    int32_t head_dim, int32_t value_dim, int32_t n, int32_t stride, int32_t first) {
  const int32_t words = mf_query_words(head_dim, value_dim);
  for (int32_t c = 0; c < n; c += 4) {
    mf_fill_panel(panel, by.weight, by.mult, by.add, c, value_dim, n, stride);
    const uint32_t *from = context;
    for (int32_t pair = pairs; pair > 0; pair--, sums += 8, from += 2 * words) {
      int32_t s[8];
      mf_dot_2x4(from, panel, mf_words(value_dim), 0, s);
      for (int32_t i = 0; i < 8; i++) {
        sums[i] = first ? s[i] : sums[i] + s[i];
      }
    }
  }
}

/* The sums of all heads to y. */
MF_PHASE void mf_requantize_sums(
    const int32_t *sums, mf_projection_t by, int8_t *y, int32_t rows, int32_t n, int32_t shift) {
  for (int32_t c = 0; c < n; c += 4) {
    const int32_t width = n - c < 4 ? n - c : 4;
    int8_t *to = y + c;
    int32_t mult[4], add[4];
    for (int32_t j = 0; j < 4; j++) {
      mult[j] = by.mult[j < width ? c + j : n - 1];
      add[j] = by.add[j < width ? c + j : n - 1];
    }
    for (int32_t left = rows; left > 0; left -= 2, sums += 8, to += 2 * n) {
      int32_t s[8];
      for (int32_t i = 0; i < 8; i++) {
        s[i] = mf_requantize(sums[i], mult[i & 3], add[i & 3], shift);
      }
      mf_store_2x4(to, n, left, width, s);
    }
  }
}

#endif
