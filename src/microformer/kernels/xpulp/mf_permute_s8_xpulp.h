/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes gathered with any stride an axis: a Transpose, a Slice of any step. */
#ifndef MF_PERMUTE_S8_XPULP_H
#define MF_PERMUTE_S8_XPULP_H

#include "mf_move_xpulp.h"

/* A row of the output: its place in the axes before the last, and where it is read from. */
typedef struct {
  int32_t at[5];
  int32_t from;
} mf_permuted_row_t;

/* Row number `row`. */
MF_INLINE mf_permuted_row_t mf_permuted_row(
    int32_t row, int32_t offset, const int32_t n[5], const int32_t s[5]) {
  mf_permuted_row_t at = {.from = offset};
  for (int32_t axis = 4; axis >= 0; axis--) {
    at.at[axis] = row % n[axis];
    at.from += at.at[axis] * s[axis];
    row /= n[axis];
  }
  return at;
}

/* The row behind. */
MF_INLINE void mf_next_permuted_row(
    mf_permuted_row_t *row, const int32_t n[5], const int32_t s[5]) {
  for (int32_t axis = 4; axis >= 0; axis--) {
    row->from += s[axis];
    if (++row->at[axis] < n[axis]) {
      return;
    }
    row->from -= n[axis] * s[axis];
    row->at[axis] = 0;
  }
}

static inline void mf_permute_s8_xpulp(
    const int8_t *restrict x, /* read at offset + sum of index * stride */
    int8_t *restrict y,       /* [n0, n1, n2, n3, n4, n5] */
    int32_t offset, int32_t n0, int32_t n1, int32_t n2, int32_t n3, int32_t n4, int32_t n5,
    int32_t s0, int32_t s1, int32_t s2, int32_t s3, int32_t s4, int32_t s5) {
  const int32_t n[5] = {n0, n1, n2, n3, n4}, s[5] = {s0, s1, s2, s3, s4};
  const int32_t rows = n0 * n1 * n2 * n3 * n4;
  const mf_share_t share = mf_share(rows * n5);
  int32_t column = share.begin % n5;
  mf_permuted_row_t row = mf_permuted_row(share.begin / n5, offset, n, s);
  y += share.begin;
  for (int32_t left = share.end - share.begin; left > 0; column = 0) {
    const int32_t count = left < n5 - column ? left : n5 - column;
    if (s5 == 1) {
      mf_move(x + row.from + column, y, count);
    } else {
      mf_gather_bytes(x + row.from + column * s5, y, count, s5);
    }
    mf_next_permuted_row(&row, n, s);
    y += count;
    left -= count;
  }
}

#endif
