/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of int8 times weights, requantised: what linear and convolution of Helium share. */
#ifndef MF_MATRIX_MVE_H
#define MF_MATRIX_MVE_H

#include "mf_vector_mve.h"

#if MF_HAS_MVE
/* Four values of int8, of which `width` are looked up and stored. */
MF_INLINE void mf_mve_put_4(int32x4_t byte, const int8_t *lut, int8_t *to, int32_t width) {
  const mve_pred16_t lanes = vctp32q((uint32_t)width);
  if (lut != NULL) {
    const uint32x4_t index = vreinterpretq_u32_s32(vaddq_n_s32(byte, 128));
    byte = vldrbq_gather_offset_z_s32(lut, index, lanes);
  }
  if (width == 4) {
    vstrbq_s32(to, byte);
  } else {
    vstrbq_p_s32(to, byte, lanes);
  }
}
#endif

/* One row of a tile: requantised, looked up, stored. */
MF_INLINE void mf_mve_store_4(
    const int32_t sums[4], const int32_t mult[4], const int32_t add[4], const int8_t *lut,
    int8_t *to, int32_t width, int32_t shift) {
#if MF_HAS_MVE
  const int32x4_t acc = {sums[0], sums[1], sums[2], sums[3]};
  const mve_pred16_t lanes = vctp32q((uint32_t)width);
  const int32x4_t m = width == 4 ? vldrwq_s32(mult) : vldrwq_z_s32(mult, lanes);
  const int32x4_t a = width == 4 ? vldrwq_s32(add) : vldrwq_z_s32(add, lanes);
  const int32x4_t byte = mf_mve_narrow(vaddq_s32(vmulq_s32(acc, m), a), shift);
  mf_mve_put_4(byte, lut, to, width);
#else
  for (int32_t j = 0; j < width; j++) {
    to[j] = mf_lookup(lut, mf_requantize(sums[j], mult[j], add[j], shift));
  }
#endif
}

/* `rows` rows with all columns of weight; four columns are put side by side once. */
MF_INLINE void mf_mve_rows(
    const int8_t *x,       /* [rows, k] */
    int8_t *panel,         /* working memory: int8 [4 padded(k)], int32 [8] */
    const int8_t *weight,  /* [n, k] */
    const int32_t *mult,   /* [n] */
    const int32_t *add,    /* [n] */
    const int8_t *lut,     /* [256] or NULL */
    int8_t *y,             /* [rows, n] */
    int32_t rows, int32_t k, int32_t n, int32_t shift) {
  int32_t *constants = (int32_t *)(panel + 4 * mf_padded(k));
  for (int32_t column = 0; column < n; column += 4) {
    const int32_t width = n - column < 4 ? n - column : 4;
    mf_mve_panel(weight + column * k, panel, k, k, width);
    for (int32_t j = 0; j < 4; j++) {
      constants[j] = mult[column + (j < width ? j : width - 1)];
      constants[4 + j] = add[column + (j < width ? j : width - 1)];
    }
    const int8_t *from = x;
    int8_t *to = y + column;
    for (int32_t left = rows; left > 0; left -= 2, from += 2 * k, to += 2 * n) {
      int32_t sums[8];
      mf_mve_dot_2x4(from, left > 1 ? from + k : from, panel, k, 1, sums);
      mf_mve_store_4(sums, constants, constants + 4, lut, to, width, shift);
      if (left > 1) {
        mf_mve_store_4(sums + 4, constants, constants + 4, lut, to + n, width, shift);
      }
    }
  }
}

#endif
