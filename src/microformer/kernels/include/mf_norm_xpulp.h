/* The two passes over a row of a norm on a cluster, equation (7).
 *
 * Sums: three instructions for four elements. Scaling: 7.75 instructions an element of two rows at
 * a time, 8.75 of a row alone: load, product, sum with shift, product, sum with shift, clip; the
 * constants, of all rows, in two loads; two instructions to pack four bytes and one to store. */
#ifndef MF_NORM_XPULP_H
#define MF_NORM_XPULP_H

#include "mf_norm.h"
#include "mf_rows_xpulp.h"

typedef struct {
  int32_t sum;
  uint32_t squares;
} mf_row_sums_t;

/* Sum and sum of squares of x[0 .. n-1]. */
MF_INLINE mf_row_sums_t mf_sum_row(const int8_t *x, int32_t n) {
  int32_t sum = 0, squares = 0, left = n;
#if MF_XPULP
  if (n >= 8) {
    int32_t a, b;
    __asm(MF_NORVC MF_LOOP("%[turns]", 6)                                          //
          MF_LW_POST("%[a]", "%[x]", "4") MF_LW_POST("%[b]", "%[x]", "4")          //
          MF_INSN(MF_I_SDOT, "%[sum]", "%[a]", "%[ones]")                          //
          MF_INSN(MF_I_SDOT, "%[squares]", "%[a]", "%[a]")                         //
          MF_INSN(MF_I_SDOT, "%[sum]", "%[b]", "%[ones]")                          //
          MF_INSN(MF_I_SDOT, "%[squares]", "%[b]", "%[b]") MF_RVC                  //
          : [x] "+&r"(x), [sum] "+&r"(sum), [squares] "+&r"(squares), [a] "=&r"(a), [b] "=&r"(b)
          : [turns] "r"(n >> 3), [ones] "r"(0x01010101)
          : "memory");
    left = n & 7;
  }
#endif
  for (; left >= 4; left -= 4, x += 4) {
    const int32_t word = mf_word_at(x);
    sum = mf_sdot4(sum, word, 0x01010101);
    squares = mf_sdot4(squares, word, word);
  }
  for (; left > 0; left--, x++) {
    sum += *x;
    squares += *x * *x;
  }
  const mf_row_sums_t sums = {sum, (uint32_t)squares};
  return sums;
}

/* How the elements of a row are scaled: h = (x slope + offset) >> right, modulo 2^32. */
typedef struct {
  int32_t slope;
  int32_t offset;
  int32_t right;
} mf_scaling_t;

/* (7b), (7c) of a row whose u is n x - total: u scale + round is x (n scale) + (round - total
 * scale). Both terms may leave 32 bits, their sum does not. */
MF_INLINE mf_scaling_t mf_scaling(uint64_t spread, int32_t n, int32_t total, int32_t frac) {
  const uint32_t high = (uint32_t)(spread >> 32);
  const int32_t bits = high != 0 ? 32 + mf_bits(high) : mf_bits((uint32_t)spread);
  const mf_norm_t norm = mf_norm_of_bits(spread, bits, n, frac);
  const uint32_t offset = (uint32_t)norm.round - (uint32_t)total * (uint32_t)norm.scale;
  const mf_scaling_t scaling = {
      (int32_t)((uint32_t)n * (uint32_t)norm.scale), (int32_t)offset, norm.shift};
  return scaling;
}

#if MF_XPULP
/* One column of two rows, of one. */
#define MF_NORM_TWO(S, T)                                                                   \
  MF_LB_POST("%[" S "]", "%[x]", "1") MF_LB_POST("%[" T "]", "%[x1]", "1")                  \
  MF_LW_POST("%[m]", "%[constants]", "4") MF_LW_POST("%[a]", "%[constants]", "4")           \
  "mul %[" S "], %[" S "], %[slope]\n\tmul %[" T "], %[" T "], %[slope1]\n\t"               \
  MF_INSN(MF_I_ADDN, "%[" S "]", "%[offset]", "%[right]")                                   \
  MF_INSN(MF_I_ADDN, "%[" T "]", "%[offset1]", "%[right1]")                                 \
  "mul %[" S "], %[" S "], %[m]\n\tmul %[" T "], %[" T "], %[m]\n\t"                        \
  MF_INSN(MF_I_ADDN, "%[" S "]", "%[a]", "%[shift]")                                        \
  MF_INSN(MF_I_ADDN, "%[" T "]", "%[a]", "%[shift]")                                        \
  MF_INSN(MF_I_CLIP, "%[" S "]", "%[" S "]", "x8") MF_INSN(MF_I_CLIP, "%[" T "]", "%[" T "]", "x8")
#define MF_NORM_ONE(S)                                                                      \
  MF_LB_POST("%[" S "]", "%[x]", "1") MF_LW_POST("%[m]", "%[constants]", "4")               \
  MF_LW_POST("%[a]", "%[constants]", "4") "mul %[" S "], %[" S "], %[slope]\n\t"            \
  MF_INSN(MF_I_ADDN, "%[" S "]", "%[offset]", "%[right]") "mul %[" S "], %[" S "], %[m]\n\t" \
  MF_INSN(MF_I_ADDN, "%[" S "]", "%[a]", "%[shift]")                                        \
  MF_INSN(MF_I_CLIP, "%[" S "]", "%[" S "]", "x8")
#define MF_NORM_STORE(S0, S1, S2, S3, BY, Y) \
  MF_FOUR_BYTES("%[" BY "]", "%[" S0 "]", "%[" S1 "]", "%[" S2 "]", "%[" S3 "]") \
  MF_SW_POST("%[" BY "]", "%[" Y "]", "4")
#endif

/* (7c), (7d) of n elements of a row. `constants` are [n, 2]: multiplier and constant of each. */
MF_INLINE void mf_scale_part(
    const int8_t *x, int8_t *y, const int32_t *constants, int32_t n, int32_t shift,
    mf_scaling_t row) {
  int32_t left = n;
#if MF_XPULP
  if (n >= 4) {
    int32_t s0, s1, s2, s3, m, a;
    __asm volatile(
        MF_NORVC MF_LOOP("%[turns]", 35)                                                 //
        MF_NORM_ONE("s0") MF_NORM_ONE("s1") MF_NORM_ONE("s2") MF_NORM_ONE("s3")          //
        MF_NORM_STORE("s0", "s1", "s2", "s3", "m", "y") MF_RVC                           //
        : [x] "+&r"(x), [y] "+&r"(y), [constants] "+&r"(constants), [s0] "=&r"(s0),
          [s1] "=&r"(s1), [s2] "=&r"(s2), [s3] "=&r"(s3), [m] "=&r"(m), [a] "=&r"(a)
        : [turns] "r"(n >> 2), [slope] "r"(row.slope), [offset] "r"(row.offset),
          [right] "r"(row.right), [shift] "r"(shift)
        : "memory");
    left = n & 3;
  }
#endif
  for (int32_t i = 0; i < left; i++) {
    const int32_t h =
        (int32_t)((uint32_t)(int32_t)x[i] * (uint32_t)row.slope + (uint32_t)row.offset) >>
        row.right;
    y[i] = (int8_t)mf_quantized(h, constants[2 * i], constants[2 * i + 1], shift);
  }
}

/* The same of n elements of two rows, `apart` bytes apart. */
MF_INLINE void mf_scale_parts(
    const int8_t *x, int8_t *y, const int32_t *constants, int32_t n, int32_t apart, int32_t shift,
    mf_scaling_t row, mf_scaling_t next) {
  const int8_t *x1 = x + apart;
  int8_t *y1 = y + apart;
  int32_t left = n;
#if MF_XPULP
  if (n >= 4) {
    int32_t s0, s1, s2, s3, t0, t1, t2, t3, m, a;
    __asm volatile(
        MF_NORVC MF_LOOP("%[turns]", 62)                                                       //
        MF_NORM_TWO("s0", "t0") MF_NORM_TWO("s1", "t1") MF_NORM_TWO("s2", "t2")                //
        MF_NORM_TWO("s3", "t3") MF_NORM_STORE("s0", "s1", "s2", "s3", "m", "y")                //
        MF_NORM_STORE("t0", "t1", "t2", "t3", "a", "y1") MF_RVC                                //
        : [x] "+&r"(x), [y] "+&r"(y), [x1] "+&r"(x1), [y1] "+&r"(y1),
          [constants] "+&r"(constants), [s0] "=&r"(s0), [s1] "=&r"(s1), [s2] "=&r"(s2),
          [s3] "=&r"(s3), [t0] "=&r"(t0), [t1] "=&r"(t1), [t2] "=&r"(t2), [t3] "=&r"(t3),
          [m] "=&r"(m), [a] "=&r"(a)
        : [turns] "r"(n >> 2), [slope] "r"(row.slope), [offset] "r"(row.offset),
          [right] "r"(row.right), [slope1] "r"(next.slope), [offset1] "r"(next.offset),
          [right1] "r"(next.right), [shift] "r"(shift)
        : "memory");
    left = n & 3;
  }
#endif
  mf_scale_part(x, y, constants, left, shift, row);
  mf_scale_part(x1, y1, constants, left, shift, next);
}

/* Where a core begins in a row of n. Rows of 64 bytes begin in one bank, and eight loads of each
 * core for a word of two rows are more than it can give, so each core begins elsewhere. */
MF_INLINE int32_t mf_row_start(int32_t n) { return (n >> 2) * mf_core() / MF_CORES * 4; }

/* (7c), (7d) of a row of n. */
MF_INLINE void mf_scale_row(
    const int8_t *x, int8_t *y, const int32_t *constants, int32_t n, int32_t shift,
    mf_scaling_t row) {
  const int32_t start = mf_row_start(n);
  mf_scale_part(x + start, y + start, constants + 2 * start, n - start, shift, row);
  mf_scale_part(x, y, constants, start, shift, row);
}

/* The same of two rows, one behind the other. */
MF_INLINE void mf_scale_two_rows(
    const int8_t *x, int8_t *y, const int32_t *constants, int32_t n, int32_t shift,
    mf_scaling_t row, mf_scaling_t next) {
  const int32_t start = mf_row_start(n);
  mf_scale_parts(x + start, y + start, constants + 2 * start, n - start, n, shift, row, next);
  mf_scale_parts(x, y, constants, start, n, shift, row, next);
}

/* What (7) makes of the sums of a row of x, of x - zero_point if `rms`. */
typedef struct {
  int32_t n;
  uint64_t eps;
  int32_t frac;
  int32_t shift;
  int32_t rms;
  int32_t zero_point;
} mf_norm_op_t;

/* The sum of (x - z)^2 is that of x^2, less 2 z times that of x, and n z^2. */
MF_INLINE mf_scaling_t mf_scaling_of(const mf_norm_op_t *op, mf_row_sums_t sums) {
  const uint32_t n = (uint32_t)op->n;
  if (op->rms) {
    const int32_t z = op->zero_point;
    const uint32_t cross = (uint32_t)(2 * z) * (uint32_t)sums.sum;
    const uint32_t squares = sums.squares - cross + n * (uint32_t)(z * z);
    return mf_scaling((uint64_t)n * squares + op->eps, op->n, op->n * z, op->frac);
  }
  const uint64_t squared = (uint64_t)((int64_t)sums.sum * sums.sum);
  return mf_scaling((uint64_t)n * sums.squares - squared + op->eps, op->n, sums.sum, op->frac);
}

/* The sum of what the cores that share a row have found. */
MF_INLINE mf_row_sums_t mf_sum_parts(const int32_t *sums /* [cores, 2] */, mf_part_t part) {
  mf_row_sums_t all = {0, 0};
  for (int32_t core = part.first; core < part.last; core++) {
    all.sum += sums[2 * core], all.squares += (uint32_t)sums[2 * core + 1];
  }
  return all;
}

/* All rows. First those that are fewer than cores, by parts: their sums are made while the
 * constants come from L2, and one barrier serves both. */
MF_INLINE void mf_norm_rows(
    const mf_norm_op_t *op, const int8_t *x, int8_t *y, const int32_t *mult, int32_t rows,
    int32_t *scratch /* the constants [n, 2], sums [cores, 2] */) {
  const int32_t n = op->n, shift = op->shift, whole = mf_whole_rows(rows, n);
  const int32_t core = mf_core(), copies = !mf_is_near(mult), divided = rows > whole;
  const int32_t *const constants = copies ? scratch : mult;
  const int32_t number = copies && core == 0 ? mf_copy_rows(scratch, mult, 8 * n, 1, 0, 0) : 0;
  int32_t *const sums = scratch + 2 * n;
  mf_part_t part = {0, 0, 0, 0, 0};
  int32_t from = 0;
  if (divided) {
    part = mf_part_of_row(rows - whole, n);
    from = (whole + part.row) * n + part.begin;
    const mf_row_sums_t mine = mf_sum_row(x + from, part.end - part.begin);
    sums[2 * core] = mine.sum, sums[2 * core + 1] = (int32_t)mine.squares;
  }
  if (copies && core == 0) {
    mf_copied(number);
  }
  if (copies || divided) {
    mf_barrier();
  }
  if (divided) {
    const mf_scaling_t scaling = mf_scaling_of(op, mf_sum_parts(sums, part));
    const int32_t *const its = constants + 2 * part.begin;
    mf_scale_row(x + from, y + from, its, part.end - part.begin, shift, scaling);
  }
  const mf_share_t share = mf_share(whole);
  int32_t row = share.begin;
  for (; row + 2 <= share.end; row += 2) {
    const int8_t *const at = x + row * n;
    const mf_scaling_t scaling = mf_scaling_of(op, mf_sum_row(at, n));
    const mf_scaling_t next = mf_scaling_of(op, mf_sum_row(at + n, n));
    mf_scale_two_rows(at, y + row * n, constants, n, shift, scaling, next);
  }
  if (row < share.end) {
    const mf_scaling_t scaling = mf_scaling_of(op, mf_sum_row(x + row * n, n));
    mf_scale_row(x + row * n, y + row * n, constants, n, shift, scaling);
  }
}

#endif
