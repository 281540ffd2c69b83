/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes gathered with any stride an axis: a Transpose, a Slice of any step. */
#ifndef MF_PERMUTE_S8_REF_H
#define MF_PERMUTE_S8_REF_H

#include "mf_core.h"

static inline void mf_permute_s8_ref(
    const int8_t *restrict x, /* read at offset + sum of index * stride */
    int8_t *restrict y,       /* [n0, n1, n2, n3, n4, n5] */
    int32_t offset, int32_t n0, int32_t n1, int32_t n2, int32_t n3, int32_t n4, int32_t n5,
    int32_t s0, int32_t s1, int32_t s2, int32_t s3, int32_t s4, int32_t s5) {
  for (int32_t i0 = 0; i0 < n0; i0++) {
    for (int32_t i1 = 0; i1 < n1; i1++) {
      for (int32_t i2 = 0; i2 < n2; i2++) {
        for (int32_t i3 = 0; i3 < n3; i3++) {
          int32_t row = offset + i0 * s0 + i1 * s1 + i2 * s2 + i3 * s3;
          for (int32_t i4 = 0; i4 < n4; i4++, row += s4) {
            for (int32_t i5 = 0; i5 < n5; i5++) {
              *y++ = x[row + i5 * s5];
            }
          }
        }
      }
    }
  }
}

#endif
