/* SPDX-License-Identifier: Apache-2.0 */
/* Norms of rows on a cluster, equation (7): sums, scaling, who does which row.
 *
 * Sums take three instructions for four elements. */
#ifndef MF_NORM_XPULP_H
#define MF_NORM_XPULP_H

#include "mf_norm.h"
#include "mf_norm_scale_xpulp.h"

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
    int32_t *scratch /* the constants [n, 2] if they lie in L2, sums [cores, 2] */) {
  const int32_t n = op->n, shift = op->shift, whole = mf_whole_rows(rows, n);
  const int32_t core = mf_core(), copies = !mf_is_in_l1(mult), divided = rows > whole;
  const int32_t *const constants = copies ? scratch : mult;
  const int32_t number = copies && core == 0 ? mf_copy_rows(scratch, mult, 8 * n, 1, 0, 0) : 0;
  int32_t *const sums = copies ? scratch + 2 * n : scratch;
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
