/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products of two activations, equations (1m), (2w). */
#ifndef MF_MATMUL_S8_REF_H
#define MF_MATMUL_S8_REF_H

#include "mf_core.h"

static inline void mf_matmul_s8_ref(
    const int8_t *a,     /* [batch, rows, k] */
    const int8_t *b,     /* [batch, k, n], or [batch, n, k] if transposed */
    int8_t *restrict y,  /* [batch, rows, n] */
    int32_t batch, int32_t rows, int32_t k, int32_t n, int32_t transposed, int32_t zero_a,
    int32_t zero_b, int32_t mult, int32_t shift, int32_t zero, void *scratch /* none */) {
  (void)scratch;
  const int32_t step = transposed ? 1 : n; /* from one value of a column to the next */
  const int32_t next = transposed ? k : 1; /* from one column to the next */
  for (int32_t matrix = 0; matrix < batch; matrix++, b += k * n) {
    for (int32_t row = 0; row < rows; row++, a += k) {
      for (int32_t column = 0; column < n; column++) {
        const int8_t *value = b + column * next;
        int32_t acc = 0;
        for (int32_t i = 0; i < k; i++) {
          acc += (a[i] - zero_a) * (value[i * step] - zero_b);
        }
        *y++ = mf_requantize_wide(acc, mult, 0, shift, zero);
      }
    }
  }
}

#endif
