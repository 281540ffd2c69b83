/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products of two activations on vectors of sixteen int8, equations (1m), (2w).
 *
 * (a - zero_a)(b - zero_b) is a b less what the sums of a row and of a column say, so bytes are
 * multiplied as they are. Four columns of b are put side by side once for all rows of a. */
#ifndef MF_MATMUL_S8_MVE_2X4_H
#define MF_MATMUL_S8_MVE_2X4_H

#include "mf_matrix_mve.h"
#include "mf_scaled.h"

/* The sum of k values. */
MF_INLINE int32_t mf_mve_sum(const int8_t *x, int32_t k, int32_t step) {
  int32_t sum = 0, i = 0;
#if MF_HAS_MVE
  for (; step == 1 && i < k; i += 16) {
    sum = vaddvaq_s8(sum, vldrbq_z_s8(x + i, vctp8q((uint32_t)(k - i))));
  }
#endif
  for (; i < k; i++) {
    sum += x[i * step];
  }
  return sum;
}

/* Four columns of b [k, n], of which `count` are there, to a panel as of mf_mve_panel. */
MF_INLINE void mf_mve_panel_of_columns(
    const int8_t *b, int8_t *panel, int32_t k, int32_t n, int32_t count) {
  for (int32_t i = 0; i < mf_padded(k); i += 4, panel += (i & 15) == 0 ? 52 : 4) {
    uint32_t row[4]; /* of four columns, one byte each */
    for (int32_t r = 0; r < 4; r++) {
      const int8_t *from = b + (i + r) * n;
      row[r] = 0;
      if (i + r < k && count >= 4) {
        row[r] = mf_load4(from);
      } else if (i + r < k) {
        for (int32_t j = 0; j < count; j++) {
          row[r] |= (uint32_t)(uint8_t)from[j] << (8 * j);
        }
      }
    }
    mf_turn_4(row);
    mf_store4(panel, row[0]);
    mf_store4(panel + 16, row[1]);
    mf_store4(panel + 32, row[2]);
    mf_store4(panel + 48, row[3]);
  }
}

/* One row of a tile, `of_row` added to its sums. */
MF_INLINE void mf_mve_store_product(
    const int32_t sums[4], const int32_t add[4], int32_t of_row, int32_t mult, int8_t *to,
    int32_t width, const mf_scale_t *scale) {
#if MF_HAS_MVE
  if (mf_mve_scales(scale)) {
    const int32x4_t acc = {sums[0], sums[1], sums[2], sums[3]};
    const int32x4_t more = vaddq_n_s32(vldrwq_s32(add), of_row);
    mf_mve_put_4(mf_mve_scaled(scale, acc, vdupq_n_s32(mult), more), NULL, to, width);
    return;
  }
#endif
  for (int32_t j = 0; j < width; j++) {
    to[j] = (int8_t)mf_scaled(scale, sums[j], mult, add[j] + of_row);
  }
}

static inline void mf_matmul_s8_mve_2x4(
    const int8_t *a,     /* [batch, rows, k] */
    const int8_t *b,     /* [batch, k, n], or [batch, n, k] if transposed */
    int8_t *restrict y,  /* [batch, rows, n] */
    int32_t batch, int32_t rows, int32_t k, int32_t n, int32_t transposed, int32_t zero_a,
    int32_t zero_b, int32_t mult, int32_t shift, int32_t zero,
    void *restrict scratch /* int8 [4 padded(k)], int32 [4 + rows] */) {
  const mf_scale_t scale = mf_scale_wide(shift, zero);
  int8_t *panel = (int8_t *)scratch;
  int32_t *add = (int32_t *)(panel + 4 * mf_padded(k)); /* of a column, of a row */
  int32_t *of_row = add + 4;
  for (int32_t matrix = 0; matrix < batch; matrix++, a += rows * k, b += k * n, y += rows * n) {
    for (int32_t row = 0; row < rows; row++) {
      of_row[row] = zero_b == 0 ? 0 : -zero_b * mf_mve_sum(a + row * k, k, 1);
    }
    for (int32_t column = 0; column < n; column += 4) {
      const int32_t width = mf_tile_width(n, column);
      const int8_t *of = transposed ? b + column * k : b + column;
      if (transposed) {
        mf_mve_panel(of, panel, k, k, width);
      } else {
        mf_mve_panel_of_columns(of, panel, k, n, width);
      }
      for (int32_t j = 0; j < 4; j++) {
        const int32_t c = j < width ? j : width - 1;
        const int32_t sum = zero_a == 0 ? 0 : mf_mve_sum(transposed ? of + c * k : of + c, k, transposed ? 1 : n);
        add[j] = zero_a * (k * zero_b - sum);
      }
      const int8_t *from = a;
      int8_t *to = y + column;
      for (int32_t row = 0; row < rows; row += 2, from += 2 * k, to += 2 * n) {
        const int32_t two = mf_tile_whole(rows, rows - row);
        int32_t sums[8];
        mf_mve_dot_2x4(from, two ? from + k : from, panel, k, 1, sums);
        mf_mve_store_product(sums, add, of_row[row], mult, to, width, &scale);
        if (two) {
          mf_mve_store_product(sums + 4, add, of_row[row + 1], mult, to + n, width, &scale);
        }
      }
    }
  }
}

#endif
