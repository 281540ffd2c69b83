/* SPDX-License-Identifier: Apache-2.0 */
/* Complex numbers of two int32, and the 32-point FFT that both front ends are made of: (13). */
#ifndef MF_COMPLEX_REF_H
#define MF_COMPLEX_REF_H

#include "mf_fft32.h"

typedef struct {
  int32_t re;
  int32_t im;
} mf_complex_t;

static inline mf_complex_t mf_complex_sum(mf_complex_t a, mf_complex_t b, int32_t sign) {
  const mf_complex_t y = {a.re + sign * b.re, a.im + sign * b.im};
  return y;
}

static inline mf_complex_t mf_complex_turned(mf_complex_t a) { /* -j a */
  const mf_complex_t y = {a.im, -a.re};
  return y;
}

static inline mf_complex_t mf_complex_shifted(mf_complex_t a, int32_t shift) {
  const mf_complex_t y = {a.re >> shift, a.im >> shift};
  return y;
}

/* What is left of 17 bits and more in an adder of 16: beyond the promised range only. */
static inline mf_complex_t mf_complex_wrapped(mf_complex_t a) {
  const mf_complex_t y = {
      (int16_t)((uint32_t)a.re & 65535u), (int16_t)((uint32_t)a.im & 65535u)};
  return y;
}

static inline mf_complex_t mf_complex_times(
    mf_complex_t a, int32_t re, int32_t im, int32_t shift) {
  const mf_complex_t y = {
      (a.re * re - a.im * im) >> shift, (a.re * im + a.im * re) >> shift};
  return y;
}

/* (13a), (13b): four values of row m, 8 sweeps apart, to y[0], y[8], y[16], y[24]. */
static inline void mf_fft_row_ref(const mf_complex_t x[4], int32_t m, mf_complex_t *y) {
  const mf_complex_t a = mf_complex_wrapped(mf_complex_sum(x[0], x[2], 1));
  const mf_complex_t b = mf_complex_wrapped(mf_complex_sum(x[1], x[3], 1));
  const mf_complex_t c = mf_complex_wrapped(mf_complex_sum(x[0], x[2], -1));
  const mf_complex_t d =
      mf_complex_wrapped(mf_complex_turned(mf_complex_sum(x[1], x[3], -1)));
  const mf_complex_t four[4] = {
      mf_complex_sum(a, b, 1), mf_complex_sum(c, d, 1), mf_complex_sum(a, b, -1),
      mf_complex_sum(c, d, -1)};
  for (int32_t k = 0; k < 4; k++) {
    const mf_complex_t value = mf_complex_wrapped(four[k]);
    if (k == 0 || m == 0) {
      y[8 * k] = mf_complex_shifted(value, 3);
    } else {
      const uint32_t w = mf_fft_twiddles[m - 1][k - 1];
      y[8 * k] = mf_complex_times(value, (int16_t)(w & 65535u), (int16_t)(w >> 16), 16);
    }
  }
}

/* (13d): b[4] to bins k, k + 8, k + 16, k + 24 (every second of an eight-point transform). */
static inline void mf_fft_four_ref(const mf_complex_t b[4], mf_complex_t *bins) {
  const mf_complex_t c0 = mf_complex_shifted(mf_complex_sum(b[0], b[2], 1), 1);
  const mf_complex_t c1 = mf_complex_shifted(mf_complex_sum(b[1], b[3], 1), 1);
  const mf_complex_t c2 = mf_complex_shifted(mf_complex_sum(b[0], b[2], -1), 1);
  const mf_complex_t c3 =
      mf_complex_turned(mf_complex_shifted(mf_complex_sum(b[1], b[3], -1), 1));
  bins[0] = mf_complex_sum(c0, c1, 1);
  bins[16] = mf_complex_sum(c0, c1, -1);
  bins[8] = mf_complex_sum(c2, c3, 1);
  bins[24] = mf_complex_sum(c2, c3, -1);
}

/* (13c) to (13e): eight values of column k to its bins. */
static inline void mf_fft_column_ref(const mf_complex_t y[8], mf_complex_t *bins) {
  mf_complex_t even[4], odd[4];
  for (int32_t m = 0; m < 4; m++) {
    even[m] = mf_complex_sum(y[m], y[m + 4], 1);
    odd[m] = mf_complex_sum(y[m], y[m + 4], -1);
  }
  odd[1] = mf_complex_times(odd[1], MF_FFT_ROOT, -MF_FFT_ROOT, 15);
  odd[2] = mf_complex_turned(odd[2]);
  odd[3] = mf_complex_times(odd[3], -MF_FFT_ROOT, -MF_FFT_ROOT, 15);
  mf_fft_four_ref(even, bins);
  mf_fft_four_ref(odd, bins + 4);
  bins[0].re += MF_FFT_GIVEN_BACK;
  bins[0].im += MF_FFT_GIVEN_BACK;
}

#endif
