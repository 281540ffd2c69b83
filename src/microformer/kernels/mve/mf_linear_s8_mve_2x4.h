/* Matrix product on vectors of sixteen int8, two rows by four columns, equations (1), (2), (6).
 *
 * Four columns of the weight are put side by side once for all rows. */
#ifndef MF_LINEAR_S8_MVE_2X4_H
#define MF_LINEAR_S8_MVE_2X4_H

#include "mf_mve.h"

/* One row of a tile: requantised, looked up, stored. */
MF_INLINE void mf_mve_store_4(
    const int32_t sums[4], const int32_t mult[4], const int32_t add[4], const int8_t *table,
    int8_t *to, int32_t width, int32_t shift) {
#if MF_HAS_MVE
  const int32x4_t acc = {sums[0], sums[1], sums[2], sums[3]};
  const int32x4_t scaled = vaddq_s32(vmulq_s32(acc, vld1q_s32(mult)), vld1q_s32(add));
  const int32x4_t value = vshlq_r_s32(scaled, -shift);
  const int32x4_t low = vmaxq_s32(value, vdupq_n_s32(-128));
  const int32x4_t byte = vminq_s32(low, vdupq_n_s32(127));
  if (width == 4 && table == NULL) {
    vstrbq_s32(to, byte);
    return;
  }
  if (table == NULL) {
    vstrbq_p_s32(to, byte, vctp32q((uint32_t)width));
    return;
  }
  const uint32x4_t index = vreinterpretq_u32_s32(vaddq_n_s32(byte, 128));
  const int32x4_t found = vldrbq_gather_offset_s32(table, index);
  vstrbq_p_s32(to, found, vctp32q((uint32_t)width));
#else
  for (int32_t j = 0; j < width; j++) {
    to[j] = mf_lookup(table, mf_requantize(sums[j], mult[j], add[j], shift));
  }
#endif
}

static inline void mf_linear_s8_mve_2x4(
    const int8_t *restrict x,       /* [rows, k] */
    const int8_t *restrict weight,  /* [n, k] */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict table,   /* [256] or NULL */
    int8_t *restrict y,             /* [rows, n] */
    int32_t rows, int32_t k, int32_t n, int32_t shift,
    void *restrict scratch /* int8 [4 padded(k)], int32 [8] */) {
  int8_t *panel = (int8_t *)scratch;
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
      mf_mve_store_4(sums, constants, constants + 4, table, to, width, shift);
      if (left > 1) {
        mf_mve_store_4(sums + 4, constants, constants + 4, table, to + n, width, shift);
      }
    }
  }
}

#endif
