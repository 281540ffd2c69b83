/* Add and Mul on a cluster, equations (8), (9): runs of elements, and who does which.
 *
 * Four sums take 27 instructions, four products 35: two loads an element, (8) or (9), clip; two
 * instructions to pack four bytes, one to store them. */
#ifndef MF_BINARY_XPULP_H
#define MF_BINARY_XPULP_H

#include "mf_rows_xpulp.h"

/* Bytes of b, a constant in L2, that are brought to L1 at once. */
#define MF_BINARY_CHUNK 2048

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

/* y [size] from a [size] and b [b_size], repeated. */
MF_INLINE void mf_binary_xpulp(
    const mf_binary_t *op, const int8_t *a, const int8_t *b, int8_t *y, int32_t size,
    int32_t b_size, void *scratch) {
  const int32_t near = mf_is_near(b), most = near ? b_size : MF_BINARY_CHUNK;
  for (int32_t at = 0; at < b_size; at += most) {
    const int32_t width = b_size - at < most ? b_size - at : most, words = (width + 3) >> 2;
    if (at > 0) {
      mf_barrier(); /* nobody reads the last part any more */
    }
    const int8_t *const part = (const int8_t *)mf_near(b + at, scratch, width);
    const mf_share_t share = mf_share_words(size / b_size * words);
    int32_t row = share.begin / words, word = share.begin % words;
    for (int32_t left = share.end - share.begin; left > 0; row++, word = 0) {
      const int32_t end = word + left < words ? word + left : words;
      const int32_t from = row * b_size + at + 4 * word;
      const int32_t count = (4 * end < width ? 4 * end : width) - 4 * word;
      mf_binary_run(op, a + from, part + 4 * word, y + from, count);
      left -= end - word;
    }
  }
}

#endif
