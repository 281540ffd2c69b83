/* RMSNorm of rows shared by the cores, equation (7). x and y may be the same buffer. */
#ifndef MF_RMSNORM_S8_XPULP_H
#define MF_RMSNORM_S8_XPULP_H

#include "mf_norm_xpulp.h"

/* The sum of (x - z)^2 is that of x^2, less 2 z times that of x, and n z^2. */
MF_INLINE mf_scaling_t mf_rmsnorm_scaling(
    const int8_t *x, int32_t n, uint64_t eps, int32_t frac, int32_t zero) {
  const mf_row_sums_t sums = mf_sum_row(x, n);
  const uint32_t squares = sums.squares - (uint32_t)(2 * zero) * (uint32_t)sums.sum +
                           (uint32_t)n * (uint32_t)(zero * zero);
  return mf_scaling((uint64_t)(uint32_t)n * squares + eps, n, n * zero, frac);
}

static inline void mf_rmsnorm_s8_xpulp(
    const int8_t *x,               /* [rows, n] */
    const int32_t *restrict mult,  /* [n, 2], signed, each with its add */
    const int32_t *restrict add,   /* NULL */
    int8_t *y,                     /* [rows, n] */
    int32_t rows, int32_t n, uint64_t eps, int32_t frac, int32_t shift, int32_t zero_point,
    void *scratch /* the constants */) {
  const int32_t *const constants = (const int32_t *)mf_near(mult, scratch, 8 * n);
  const mf_share_t share = mf_share(rows);
  int32_t row = share.begin;
  (void)add;
  for (; row + 2 <= share.end; row += 2) {
    const int8_t *const from = x + row * n;
    const mf_scaling_t scaling = mf_rmsnorm_scaling(from, n, eps, frac, zero_point);
    const mf_scaling_t next = mf_rmsnorm_scaling(from + n, n, eps, frac, zero_point);
    mf_scale_two_rows(from, y + row * n, constants, n, shift, scaling, next);
  }
  if (row < share.end) {
    const mf_scaling_t scaling = mf_rmsnorm_scaling(x + row * n, n, eps, frac, zero_point);
    mf_scale_row(x + row * n, y + row * n, constants, n, shift, scaling);
  }
}

#endif
