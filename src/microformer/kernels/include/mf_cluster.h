/* SPDX-License-Identifier: Apache-2.0 */
/* The cluster seen from a core: which core it is, barrier, copies between L1 and L2.
 *
 * Every core of the cluster calls every kernel with the same arguments and does its share. Without
 * a cluster (MF_CORES not defined) there is one core, and a copy is done at once. Registers:
 * docs/cluster.md. */
#ifndef MF_CLUSTER_H
#define MF_CLUSTER_H

#include "mf_xpulp.h"

#if defined(MF_CORES)

MF_INLINE int32_t mf_core(void) {
  int32_t hart;
  __asm("csrr %0, mhartid" : "=r"(hart));
  return MF_CORES == 1 ? 0 : hart & 15;
}

MF_INLINE int32_t mf_event(uintptr_t address) { /* sleeps until the event unit answers */
  int32_t value;
  __asm volatile(".insn i " MF_I_ELW ", %0, %1, 0" : "=r"(value) : "r"(address) : "memory");
  return value;
}

MF_INLINE void mf_barrier(void) {
  if (MF_CORES > 1) {
    (void)mf_event(0x10200008u);
  }
}

MF_INLINE int32_t mf_is_in_l1(const void *at) { return (uintptr_t)at >> 16 == 0x1000u; }

/* Starts a copy of rows between L1 and L2; the number to wait for. By one core. */
MF_INLINE int32_t mf_copy_rows(
    void *to, const void *from, int32_t width, int32_t rows, int32_t to_stride,
    int32_t from_stride) {
  volatile uint32_t *const dma = (volatile uint32_t *)0x10201000u;
  __asm volatile("" ::: "memory");
  dma[0] = (uint32_t)(uintptr_t)from;
  dma[1] = (uint32_t)(uintptr_t)to;
  dma[2] = (uint32_t)width;
  dma[3] = (uint32_t)rows;
  dma[4] = (uint32_t)from_stride;
  dma[5] = (uint32_t)to_stride;
  return (int32_t)dma[6];
}

/* Sleeps until copy `number` is done. */
MF_INLINE void mf_copied(int32_t number) {
  *(volatile int32_t *)0x1020101Cu = number;
  (void)mf_event(0x1020101Cu);
}

#else

#define MF_CORES 1
MF_INLINE int32_t mf_core(void) { return 0; }
MF_INLINE void mf_barrier(void) {}
#if defined(MF_ALL_IN_L2) /* all memory but scratch counts as L2: for tests */
MF_INLINE int32_t mf_is_in_l1(const void *at) { return at == NULL; }
#else
MF_INLINE int32_t mf_is_in_l1(const void *at) {
  (void)at;
  return 1;
}
#endif
MF_INLINE int32_t mf_copy_rows(
    void *to, const void *from, int32_t width, int32_t rows, int32_t to_stride,
    int32_t from_stride) {
  for (int32_t row = 0; row < rows; row++) {
    __builtin_memcpy(
        (char *)to + row * to_stride, (const char *)from + row * from_stride, (size_t)width);
  }
  return 0;
}
MF_INLINE void mf_copied(int32_t number) { (void)number; }

#endif

/* This core's part of `total` pieces of work: [begin, end). */
typedef struct {
  int32_t begin;
  int32_t end;
} mf_share_t;

MF_INLINE mf_share_t mf_share(int32_t total) {
  const int32_t core = mf_core();
  const mf_share_t share = {total * core / MF_CORES, total * (core + 1) / MF_CORES};
  return share;
}

/* This core's part of `lines` lines of `length` tiles each: where it begins, and how many. No
 * division, as the number of cores is known. */
typedef struct {
  int32_t line;
  int32_t at; /* in that line */
  int32_t count;
} mf_tiles_t;

MF_INLINE mf_tiles_t mf_share_lines(int32_t lines, int32_t length) {
  const uint32_t n = MF_CORES, begin = (uint32_t)(lines * mf_core());
  const uint32_t end = begin + (uint32_t)lines, size = (uint32_t)length;
  const uint32_t at = begin % n * size / n, behind = end % n * size / n;
  const mf_tiles_t part = {
      (int32_t)(begin / n), (int32_t)at, (int32_t)((end / n - begin / n) * size + behind - at)};
  return part;
}

#endif
