/* SPDX-License-Identifier: Apache-2.0 */
/* The second pass over a row of a norm on a cluster, equations (7c), (7d).
 *
 * 7.75 instructions an element of two rows at a time, 8.75 of a row alone: load, product, sum with
 * shift, product, sum with shift, clip; the constants, of all rows, in two loads; two instructions
 * to pack four bytes and one to store. */
#ifndef MF_NORM_SCALE_XPULP_H
#define MF_NORM_SCALE_XPULP_H

#include "mf_rows_xpulp.h"

/* How the elements of a row are scaled: h = (x slope + offset) >> right, modulo 2^32. */
typedef struct {
  int32_t slope;
  int32_t offset;
  int32_t right;
} mf_scaling_t;

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

#endif
