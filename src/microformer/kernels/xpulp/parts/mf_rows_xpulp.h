/* SPDX-License-Identifier: Apache-2.0 */
/* What kernels of rows and elements share on a cluster: words at any address, constants in L1.
 *
 * Rows of n bytes lie anywhere. The cores load and store words at any address themselves, in two
 * accesses where one crosses a word; compilers would take four bytes. */
#ifndef MF_ROWS_XPULP_H
#define MF_ROWS_XPULP_H

#include "mf_cluster.h"

#if MF_XPULP
#define MF_LB_POST(RD, RS1, STEP) ".insn i 0x0b, 0, " RD ", " RS1 ", " STEP "\n\t"
#define MF_LBU_POST(RD, RS1, STEP) ".insn i 0x0b, 4, " RD ", " RS1 ", " STEP "\n\t"
/* The lowest bytes of A to D make the word TO, which may be none of C and D. */
#define MF_FOUR_BYTES(TO, A, B, C, D) \
  MF_INSN(MF_I_PACKLO, TO, B, A) MF_INSN(MF_I_PACKHI, TO, D, C)
#define MF_LOAD_4(FROM, A, B, C, D)                         \
  MF_LB_POST(A, FROM, "1") MF_LB_POST(B, FROM, "1")         \
  MF_LB_POST(C, FROM, "1") MF_LB_POST(D, FROM, "1")
MF_BINARY(mf_scaled16, MF_I_MULURN16) /* (a b + 2^15) >> 16, of the lower 16 bits unsigned */
MF_INLINE int32_t mf_bits(uint32_t value) { /* as mf_bit_length, but not of 0 */
  int32_t last;
  __asm(MF_INSN(MF_I_FL1, "%0", "%1", "x0") : "=r"(last) : "r"(value));
  return last + 1;
}
typedef struct {
  char bytes[4];
} mf_four_t;
MF_INLINE int32_t mf_word_at(const void *at) {
  int32_t word;
  __asm("lw %0, 0(%1)" : "=r"(word) : "r"(at), "m"(*(const mf_four_t *)at));
  return word;
}
MF_INLINE void mf_put_word(void *at, int32_t word) {
  __asm("sw %2, 0(%1)" : "=m"(*(mf_four_t *)at) : "r"(at), "r"(word));
}
#else
MF_INLINE int32_t mf_scaled16(int32_t a, int32_t b) {
  return (int32_t)(((uint32_t)(a & 65535) * (uint32_t)(b & 65535) + (1u << 15)) >> 16);
}
MF_INLINE int32_t mf_bits(uint32_t value) { return mf_bit_length(value); }
MF_INLINE int32_t mf_word_at(const void *at) {
  int32_t word;
  __builtin_memcpy(&word, at, 4);
  return word;
}
MF_INLINE void mf_put_word(void *at, int32_t word) { __builtin_memcpy(at, &word, 4); }
#endif

/* Bytes of scratch that mf_in_l1 takes of them. */
MF_INLINE int32_t mf_l1_room(const void *from, int32_t size) {
  return from == NULL || mf_is_in_l1(from) ? 0 : size;
}

/* `size` bytes where every core reads them fast: as they lie in L1, or copied to scratch. All
 * cores call it; a barrier if it copies. */
MF_INLINE const void *mf_in_l1(const void *from, void *scratch, int32_t size) {
  if (mf_is_in_l1(from)) {
    return from;
  }
  if (mf_core() == 0) {
    mf_copied(mf_copy_rows(scratch, from, size, 1, 0, 0));
  }
  mf_barrier();
  return scratch;
}

/* Where core's part of words that lie behind each other begins: near its share of them, but so that
 * cores begin in different banks. In one bank they would stay together, as it serves them in turn. */
MF_INLINE int32_t mf_words_begin(int32_t total, int32_t core) {
  const int32_t begin = total * core / MF_CORES;
  return total < 32 * MF_CORES ? begin : ((begin - 2 * core + 8) & ~15) + 2 * core;
}

/* This core's part of `total` words. */
MF_INLINE mf_share_t mf_share_words(int32_t total) {
  const int32_t core = mf_core();
  const mf_share_t share = {
      mf_words_begin(total, core),
      core + 1 < MF_CORES ? mf_words_begin(total, core + 1) : total};
  return share;
}

/* This core's part of one of `rows` rows of n, fewer rows than cores: [begin, end) of `row`, which
 * the cores `first` to before `last` share. */
typedef struct {
  int32_t row;
  int32_t first;
  int32_t last;
  int32_t begin;
  int32_t end;
} mf_part_t;

MF_INLINE mf_part_t mf_part_of_row(int32_t rows, int32_t n) {
  const int32_t core = mf_core(), row = core * rows / MF_CORES, words = (n + 3) >> 2;
  mf_part_t part = {.row = row};
  part.first = (row * MF_CORES + rows - 1) / rows;
  part.last = ((row + 1) * MF_CORES + rows - 1) / rows;
  const int32_t cores = part.last - part.first, place = core - part.first;
  part.begin = 4 * (words * place / cores);
  part.end = place + 1 < cores ? 4 * (words * (place + 1) / cores) : n;
  return part;
}

/* Rows that every core does by itself; the others, fewer than the cores, are done by parts. */
MF_INLINE int32_t mf_whole_rows(int32_t rows, int32_t n) {
  return n >= 32 ? rows / MF_CORES * MF_CORES : rows;
}

#endif
