/* SPDX-License-Identifier: Apache-2.0 */
/* Constants of the 32-point FFT and the levels of its powers: equation (13).
 *
 * A complex number is a pair of int16 in a word, the real part below, as samples come. */
#ifndef MF_FFT32_H
#define MF_FFT32_H

#include "mf_core.h"

enum { MF_FFT_ROOT = 23170, MF_FFT_GIVEN_BACK = 2, MF_POWER_OFFSET = 128 };

#define MF_PAIR(RE, IM) ((uint32_t)(RE) & 65535u) | (uint32_t)(IM) << 16

/* 2^13 exp(-2 pi j k m / 32) for k = 1, 2, 3 (the columns) and m = 1 to 7 (the rows). */
static const uint32_t mf_fft_twiddles[7][3] = {
    {MF_PAIR(8035, -1598), MF_PAIR(7568, -3135), MF_PAIR(6811, -4551)},
    {MF_PAIR(7568, -3135), MF_PAIR(5793, -5793), MF_PAIR(3135, -7568)},
    {MF_PAIR(6811, -4551), MF_PAIR(3135, -7568), MF_PAIR(-1598, -8035)},
    {MF_PAIR(5793, -5793), MF_PAIR(0, -8192), MF_PAIR(-5793, -5793)},
    {MF_PAIR(4551, -6811), MF_PAIR(-3135, -7568), MF_PAIR(-8035, -1598)},
    {MF_PAIR(3135, -7568), MF_PAIR(-5793, -5793), MF_PAIR(-7568, 3135)},
    {MF_PAIR(1598, -8035), MF_PAIR(-7568, -3135), MF_PAIR(-4551, 6811)},
};

/* (13f): the entry of a table of levels for power + MF_POWER_OFFSET. */
static inline uint32_t mf_power_index(uint32_t power) {
  const uint32_t exponent = (uint32_t)mf_bit_length(power) - 8u;
  return 128u * exponent + (power >> exponent);
}

#endif
