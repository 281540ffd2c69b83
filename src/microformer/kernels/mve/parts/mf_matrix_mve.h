/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of int8 times weights, requantised: what linear and convolution of Helium share. */
#ifndef MF_MATRIX_MVE_H
#define MF_MATRIX_MVE_H

#include "mf_scaled.h"
#include "mf_vector_mve.h"

#if MF_HAS_MVE
/* Four values saturated to int8, of which `width` are looked up and stored. */
MF_INLINE void mf_mve_put_4(int32x4_t value, const int8_t *lut, int8_t *to, int32_t width) {
  const mve_pred16_t lanes = vctp32q((uint32_t)width);
  int32x4_t byte = mf_mve_low_bytes(value);
  if (lut != NULL) {
    const int32x4_t whole = vminq_s32(vmaxq_s32(value, vdupq_n_s32(-128)), vdupq_n_s32(127));
    const uint32x4_t index = vreinterpretq_u32_s32(vaddq_n_s32(whole, 128));
    byte = vldrbq_gather_offset_z_s32(lut, index, lanes);
  }
  if (width == 4) {
    vstrbq_s32(to, byte);
  } else {
    vstrbq_p_s32(to, byte, lanes);
  }
}

/* Four values saturated to int16, of which `width` are stored. */
MF_INLINE void mf_mve_put_4_s16(int32x4_t value, int16_t *to, int32_t width) {
  const int32x4_t half = vminq_s32(vmaxq_s32(value, vdupq_n_s32(-32768)), vdupq_n_s32(32767));
  if (width == 4) {
    vstrhq_s32(to, half);
  } else {
    vstrhq_p_s32(to, half, vctp32q((uint32_t)width));
  }
}
#endif

/* One row of a tile: requantised, looked up, stored; `to` is of int16 where the scale says so. */
MF_INLINE void mf_mve_store_4(
    const int32_t sums[4], const int32_t mult[4], const int32_t add[4], const int8_t *lut,
    void *to, int32_t width, const mf_scale_t *scale) {
#if MF_HAS_MVE
  if (mf_mve_scales(scale)) {
    const int32x4_t acc = {sums[0], sums[1], sums[2], sums[3]};
    const mve_pred16_t lanes = vctp32q((uint32_t)width);
    const int32x4_t m = width == 4 ? vldrwq_s32(mult) : vldrwq_z_s32(mult, lanes);
    const int32x4_t a = width == 4 ? vldrwq_s32(add) : vldrwq_z_s32(add, lanes);
    const int32x4_t value = mf_mve_scaled(scale, acc, m, a);
    if (scale->bits == 16) {
      mf_mve_put_4_s16(value, (int16_t *)to, width);
    } else {
      mf_mve_put_4(value, lut, (int8_t *)to, width);
    }
    return;
  }
#endif
  for (int32_t j = 0; j < width; j++) {
    if (scale->bits == 16) {
      ((int16_t *)to)[j] = mf_clamp16((sums[j] * mult[j] + add[j]) >> scale->shift);
    } else {
      const int32_t value = mf_scaled(scale, sums[j], mult[j], add[j]);
      ((int8_t *)to)[j] = mf_lookup(lut, (int8_t)value);
    }
  }
}

/* `rows` rows with all columns of weight; four columns are put side by side once. */
MF_INLINE void mf_mve_rows(
    const int8_t *x,       /* [rows, k] */
    int8_t *panel,         /* working memory: int8 [4 padded(k)], int32 [8] */
    const int8_t *weight,  /* [n, k] */
    const int32_t *mult,   /* [n] */
    const int32_t *add,    /* [n] */
    const int8_t *lut,     /* [256] or NULL */
    void *y,               /* [rows, n], int16 where the scale says so */
    int32_t rows, int32_t k, int32_t n, const mf_scale_t *scale) {
  const int32_t bytes = scale->bits >> 3;
  int32_t *constants = (int32_t *)(panel + 4 * mf_padded(k));
  for (int32_t column = 0; column < n; column += 4) {
    const int32_t width = mf_tile_width(n, column);
    mf_mve_panel(weight + column * k, panel, k, k, width);
    for (int32_t j = 0; j < 4; j++) {
      constants[j] = mult[column + (j < width ? j : width - 1)];
      constants[4 + j] = add[column + (j < width ? j : width - 1)];
    }
    const int8_t *from = x;
    int8_t *to = (int8_t *)y + bytes * column;
    for (int32_t left = rows; left > 0; left -= 2, from += 2 * k, to += 2 * bytes * n) {
      int32_t sums[8];
      mf_mve_dot_2x4(from, mf_tile_whole(rows, left) ? from + k : from, panel, k, 1, sums);
      mf_mve_store_4(sums, constants, constants + 4, lut, to, width, scale);
      if (mf_tile_whole(rows, left)) {
        mf_mve_store_4(
            sums + 4, constants, constants + 4, lut, to + bytes * n, width, scale);
      }
    }
  }
}

/* `width` columns, 4 or fewer, of one row. */
MF_INLINE void mf_mve_row_tile(
    const int8_t *x,       /* [k] */
    const int8_t *weight,  /* [width, k] */
    const int32_t *mult,   /* [width] */
    const int32_t *add,    /* [width] */
    const int8_t *lut,     /* [256] or NULL */
    void *y,               /* [width] */
    int32_t k, int32_t width, const mf_scale_t *scale) {
  int32_t sums[4];
  const int8_t *columns[4]; /* from the last on they repeat it */
  for (int32_t j = 0; j < 4; j++) {
    columns[j] = weight + (j < width ? j : width - 1) * k;
  }
  mf_mve_dot_1x4(x, columns, k, sums);
  mf_mve_store_4(sums, mult, add, lut, y, width, scale);
}

/* As mf_mve_rows, for few rows: the columns are read where they lie. */
MF_INLINE void mf_mve_few_rows(
    const int8_t *x,       /* [rows, k] */
    const int8_t *weight,  /* [n, k] */
    const int32_t *mult,   /* [n] */
    const int32_t *add,    /* [n] */
    const int8_t *lut,     /* [256] or NULL */
    void *y,               /* [rows, n], int16 where the scale says so */
    int32_t rows, int32_t k, int32_t n, const mf_scale_t *scale) {
  const int32_t bytes = scale->bits >> 3;
  int8_t *to = (int8_t *)y;
  for (int32_t row = 0; row < rows; row++, x += k) {
    int32_t c = 0;
    for (; c + 4 <= n; c += 4, to += 4 * bytes) {
      mf_mve_row_tile(x, weight + c * k, mult + c, add + c, lut, to, k, 4, scale);
    }
    if (c < n) {
      mf_mve_row_tile(x, weight + c * k, mult + c, add + c, lut, to, k, n - c, scale);
      to += (n - c) * bytes;
    }
  }
}

#endif
