/* SPDX-License-Identifier: Apache-2.0 */
/* Complex numbers as pairs of int16 on a PULP core: its complex instructions, and plain C.
 *
 * The lower half is the real part. Sums are taken in 16 bits, before any division. */
#ifndef MF_COMPLEX_XPULP_H
#define MF_COMPLEX_XPULP_H

#include "mf_cluster.h"

MF_INLINE int32_t mf_pair2(int32_t low, int32_t high) {
  return (int32_t)(((uint32_t)low & 65535u) | (uint32_t)high << 16);
}

#if MF_XPULP
MF_BINARY(mf_add2, MF_I_ADDH)            /* a + b */
MF_BINARY(mf_sub2, MF_I_SUBH)            /* a - b */
MF_BINARY(mf_shift2, MF_I_SRAH)          /* a >> b, b a pair of shifts */
MF_BINARY(mf_half_add2, MF_I_ADDH_DIV2)  /* (a + b) >> 1 */
MF_BINARY(mf_half_sub2, MF_I_SUBH_DIV2)
MF_BINARY(mf_eighth_add2, MF_I_ADDH_DIV8)
MF_BINARY(mf_eighth_sub2, MF_I_SUBH_DIV8)
MF_BINARY(mf_turned_sub2, MF_I_SUBROTMJ) /* -j (a - b) */
MF_TERNARY(mf_sdot2, MF_I_SDOTH)         /* d + the products of both halves */
MF_INLINE int32_t mf_times16(int32_t a, int32_t w) { /* (a w) >> 16 */
  int32_t d;
  __asm(MF_INSN(MF_I_CPLXMUL_R("2"), "%0", "%1", "%2")
        MF_INSN(MF_I_CPLXMUL_I("2"), "%0", "%1", "%2") : "=&r"(d) : "r"(a), "r"(w));
  return d;
}
MF_INLINE int32_t mf_times15(int32_t a, int32_t w) { /* (a w) >> 15 */
  int32_t d;
  __asm(MF_INSN(MF_I_CPLXMUL_R("0"), "%0", "%1", "%2")
        MF_INSN(MF_I_CPLXMUL_I("0"), "%0", "%1", "%2") : "=&r"(d) : "r"(a), "r"(w));
  return d;
}
MF_INLINE int32_t mf_leading(int32_t a) { /* zeros above the highest bit of a > 0, but one */
  int32_t d;
  __asm(MF_INSN(MF_I_CLB, "%0", "%1", "x0") : "=r"(d) : "r"(a));
  return d;
}
MF_INLINE int32_t mf_load_step(const int32_t **at, int32_t bytes) {
  int32_t d;
  __asm volatile(MF_LW_REG("%0", "%1", "%2") : "=r"(d), "+r"(*at) : "r"(bytes) : "memory");
  return d;
}
MF_INLINE int32_t mf_load_next(const int32_t **at) {
  int32_t d;
  __asm volatile(MF_LW_POST("%0", "%1", "4") : "=r"(d), "+r"(*at) : : "memory");
  return d;
}
MF_INLINE int32_t mf_level(const int8_t *levels, int32_t index) {
  int32_t d;
  __asm volatile(MF_LB_REG("%0", "%1", "%2") : "=r"(d) : "r"(levels), "r"(index) : "memory");
  return d;
}
#else
MF_INLINE int32_t mf_low2(int32_t a) { return (int16_t)((uint32_t)a & 65535u); }
MF_INLINE int32_t mf_high2(int32_t a) { return a >> 16; }
MF_INLINE int32_t mf_add2(int32_t a, int32_t b) {
  return mf_pair2(mf_low2(a) + mf_low2(b), mf_high2(a) + mf_high2(b));
}
MF_INLINE int32_t mf_sub2(int32_t a, int32_t b) {
  return mf_pair2(mf_low2(a) - mf_low2(b), mf_high2(a) - mf_high2(b));
}
MF_INLINE int32_t mf_shift2(int32_t a, int32_t b) {
  return mf_pair2(mf_low2(a) >> (b & 15), mf_high2(a) >> (b >> 16 & 15));
}
MF_INLINE int32_t mf_half_add2(int32_t a, int32_t b) {
  return mf_shift2(mf_add2(a, b), 0x10001);
}
MF_INLINE int32_t mf_half_sub2(int32_t a, int32_t b) {
  return mf_shift2(mf_sub2(a, b), 0x10001);
}
MF_INLINE int32_t mf_eighth_add2(int32_t a, int32_t b) {
  return mf_shift2(mf_add2(a, b), 0x30003);
}
MF_INLINE int32_t mf_eighth_sub2(int32_t a, int32_t b) {
  return mf_shift2(mf_sub2(a, b), 0x30003);
}
MF_INLINE int32_t mf_turned_sub2(int32_t a, int32_t b) {
  const int32_t d = mf_sub2(a, b);
  return mf_pair2(mf_high2(d), -mf_low2(d));
}
MF_INLINE int32_t mf_sdot2(int32_t d, int32_t a, int32_t b) {
  return d + mf_low2(a) * mf_low2(b) + mf_high2(a) * mf_high2(b);
}
MF_INLINE int32_t mf_product2(int32_t a, int32_t w, int32_t shift) {
  const int32_t re = mf_low2(a) * mf_low2(w) - mf_high2(a) * mf_high2(w);
  const int32_t im = mf_low2(a) * mf_high2(w) + mf_high2(a) * mf_low2(w);
  return mf_pair2(re >> shift, im >> shift);
}
MF_INLINE int32_t mf_times16(int32_t a, int32_t w) { return mf_product2(a, w, 16); }
MF_INLINE int32_t mf_times15(int32_t a, int32_t w) { return mf_product2(a, w, 15); }
MF_INLINE int32_t mf_leading(int32_t a) { return 31 - mf_bit_length((uint32_t)a); }
MF_INLINE int32_t mf_load_step(const int32_t **at, int32_t bytes) {
  int32_t d;
  __builtin_memcpy(&d, *at, 4); /* samples may lie at any even address */
  *at = (const int32_t *)(const void *)((const char *)*at + bytes);
  return d;
}
MF_INLINE int32_t mf_load_next(const int32_t **at) { return *(*at)++; }
MF_INLINE int32_t mf_level(const int8_t *levels, int32_t index) { return levels[index]; }
#endif

#endif
