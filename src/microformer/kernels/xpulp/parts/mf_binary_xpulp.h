/* SPDX-License-Identifier: Apache-2.0 */
/* Add and Mul on a cluster, equations (8), (9): runs of elements, and who does which.
 *
 * Four sums take 27 instructions, four products 35: two loads an element, (8) or (9), clip; two
 * instructions to pack four bytes, one to store them. */
#ifndef MF_BINARY_XPULP_H
#define MF_BINARY_XPULP_H

#include "mf_rows_xpulp.h"

/* Bytes of b, a constant in L2, that are brought to L1 while the cores work on as many. */
#define MF_BINARY_CHUNK 1024

/* Sum: mult_a, mult_b; product: zero_a, zero_b, mult. */
typedef struct {
  int32_t is_product;
  int32_t mult_a;
  int32_t mult_b;
  int32_t zero_a;
  int32_t zero_b;
  int32_t mult;
  int32_t add;
  int32_t shift;
} mf_binary_t;

#if MF_XPULP
#define MF_OF_FOUR(OP) OP("0") OP("1") OP("2") OP("3")
#define MF_BINARY_LOAD                                                   \
  MF_LOAD_4("%[a]", "%[a0]", "%[a1]", "%[a2]", "%[a3]")                  \
  MF_LOAD_4("%[b]", "%[b0]", "%[b1]", "%[b2]", "%[b3]")
#define MF_SUM_FIRST(I) "mul %[a" I "], %[a" I "], %[first]\n\t"
#define MF_SUM_SECOND(I) MF_INSN(MF_I_MAC, "%[a" I "]", "%[b" I "]", "%[second]")
#define MF_PRODUCT_A(I) "sub %[a" I "], %[a" I "], %[first]\n\t"
#define MF_PRODUCT_B(I) "sub %[b" I "], %[b" I "], %[second]\n\t"
#define MF_PRODUCT(I) "mul %[a" I "], %[a" I "], %[b" I "]\n\t"
#define MF_PRODUCT_MULT(I) "mul %[a" I "], %[a" I "], %[mult]\n\t"
#define MF_BINARY_SHIFT(I) MF_INSN(MF_I_ADDN, "%[a" I "]", "%[add]", "%[shift]")
#define MF_BINARY_CLIP(I) MF_INSN(MF_I_CLIP, "%[a" I "]", "%[a" I "]", "x8")
#define MF_BINARY_END                                                    \
  MF_OF_FOUR(MF_BINARY_SHIFT) MF_OF_FOUR(MF_BINARY_CLIP)                 \
  MF_FOUR_BYTES("%[b0]", "%[a0]", "%[a1]", "%[a2]", "%[a3]") MF_SW_POST("%[b0]", "%[y]", "4")
#define MF_BINARY_LOOP(N, ...)                                                                  \
  __asm volatile(                                                                               \
      MF_NORVC MF_LOOP("%[turns]", N) MF_BINARY_LOAD __VA_ARGS__ MF_BINARY_END MF_RVC           \
      : [a] "+&r"(a), [b] "+&r"(b), [y] "+&r"(y), [a0] "=&r"(a0), [a1] "=&r"(a1),               \
        [a2] "=&r"(a2), [a3] "=&r"(a3), [b0] "=&r"(b0), [b1] "=&r"(b1), [b2] "=&r"(b2),         \
        [b3] "=&r"(b3)                                                                          \
      : [turns] "r"(n >> 2), [first] "r"(first), [second] "r"(second), [mult] "r"(op->mult),    \
        [add] "r"(op->add), [shift] "r"(op->shift)                                              \
      : "memory")
#endif

/* n elements. */
MF_INLINE void mf_binary_run(
    const mf_binary_t *op, const int8_t *a, const int8_t *b, int8_t *y, int32_t n) {
  int32_t left = n;
#if MF_XPULP
  if (n >= 4) {
    const int32_t first = op->is_product ? op->zero_a : op->mult_a;
    const int32_t second = op->is_product ? op->zero_b : op->mult_b;
    int32_t a0, a1, a2, a3, b0, b1, b2, b3;
    if (op->is_product) {
      MF_BINARY_LOOP(35, MF_OF_FOUR(MF_PRODUCT_A) MF_OF_FOUR(MF_PRODUCT_B)
                             MF_OF_FOUR(MF_PRODUCT) MF_OF_FOUR(MF_PRODUCT_MULT));
    } else {
      MF_BINARY_LOOP(27, MF_OF_FOUR(MF_SUM_FIRST) MF_OF_FOUR(MF_SUM_SECOND));
    }
    left = n & 3;
  }
#endif
  for (int32_t i = 0; i < left; i++) {
    const int32_t sum = op->is_product ? (a[i] - op->zero_a) * (b[i] - op->zero_b) * op->mult
                                       : a[i] * op->mult_a + b[i] * op->mult_b;
    y[i] = (int8_t)mf_clip8(mf_add_shift(sum, op->add, op->shift));
  }
}

/* All rows of `width` columns; rows of a and y are `pitch` bytes apart. */
MF_INLINE void mf_binary_rows(
    const mf_binary_t *op, const int8_t *a, const int8_t *b, int8_t *y, int32_t rows,
    int32_t width, int32_t pitch) {
  const int32_t words = (width + 3) >> 2;
  const mf_share_t share = mf_share_words(rows * words);
  int32_t row = rows > 1 ? share.begin / words : 0, word = share.begin - row * words;
  for (int32_t left = share.end - share.begin; left > 0; row++, word = 0) {
    const int32_t end = word + left < words ? word + left : words;
    const int32_t from = row * pitch + 4 * word;
    const int32_t count = (4 * end < width ? 4 * end : width) - 4 * word;
    mf_binary_run(op, a + from, b + 4 * word, y + from, count);
    left -= end - word;
  }
}

/* Core 0 starts the copy of the part of b that begins at `at`; the number to wait for. */
MF_INLINE int32_t mf_binary_next(const int8_t *b, int32_t b_size, int32_t at, int8_t *to) {
  const int32_t left = b_size - at, size = left < MF_BINARY_CHUNK ? left : MF_BINARY_CHUNK;
  return size > 0 && mf_core() == 0 ? mf_copy_rows(to, b + at, size, 1, 0, 0) : 0;
}

/* y [size] from a [size] and b [b_size], repeated. */
MF_INLINE void mf_binary_xpulp(
    const mf_binary_t *op, const int8_t *a, const int8_t *b, int8_t *y, int32_t size,
    int32_t b_size, void *scratch /* [2, MF_BINARY_CHUNK] where b is in L2 */) {
  const int32_t rows = size / b_size;
  int8_t *part = (int8_t *)scratch, *next = part + MF_BINARY_CHUNK;
  if (mf_is_in_l1(b)) {
    mf_binary_rows(op, a, b, y, rows, b_size, b_size);
    return;
  }
  int32_t number = mf_binary_next(b, b_size, 0, part);
  for (int32_t at = 0; at < b_size; at += MF_BINARY_CHUNK) {
    const int32_t left = b_size - at, width = left < MF_BINARY_CHUNK ? left : MF_BINARY_CHUNK;
    int8_t *const now = part;
    if (mf_core() == 0) {
      mf_copied(number);
    }
    mf_barrier(); /* it is there, and nobody reads the last one any more */
    number = mf_binary_next(b, b_size, at + MF_BINARY_CHUNK, next);
    mf_binary_rows(op, a + at, now, y + at, rows, width, b_size);
    part = next, next = now;
  }
}

#endif
