/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions of XpulpV2 and CORE-V as functions; plain C does the same on any other machine. */
#ifndef MF_XPULP_H
#define MF_XPULP_H

#include "mf_core.h"
#include "mf_xpulp_encoding.h"

#if MF_XPULP
#define MF_INSN(I, RD, RS1, RS2) ".insn r " I ", " RD ", " RS1 ", " RS2 "\n\t"
#define MF_LW_POST(RD, RS1, STEP) ".insn i " MF_I_LWI ", " RD ", " RS1 ", " STEP "\n\t"
#define MF_NORVC ".option push\n\t.balign 4\n\t.option norvc\n\t"
#define MF_RVC ".option pop\n\t"

#define MF_BINARY(NAME, I)                                           \
  MF_INLINE int32_t NAME(int32_t a, int32_t b) {                     \
    int32_t d;                                                       \
    __asm(MF_INSN(I, "%0", "%1", "%2") : "=r"(d) : "r"(a), "r"(b));  \
    return d;                                                        \
  }
#define MF_TERNARY(NAME, I)                                          \
  MF_INLINE int32_t NAME(int32_t d, int32_t a, int32_t b) {          \
    __asm(MF_INSN(I, "%0", "%1", "%2") : "+r"(d) : "r"(a), "r"(b));  \
    return d;                                                        \
  }
MF_TERNARY(mf_mac, MF_I_MAC)          /* d + a b */
MF_TERNARY(mf_add_shift, MF_I_ADDN)   /* (d + a) >> b */
MF_BINARY(mf_max, MF_I_MAX)
MF_BINARY(mf_min, MF_I_MIN)
MF_BINARY(mf_max4, MF_I_MAXB)         /* of four int8 each */
MF_BINARY(mf_dot4, MF_I_DOT)          /* of four int8 each */
MF_TERNARY(mf_sdot4, MF_I_SDOT)       /* d + dot4(a, b) */
MF_TERNARY(mf_sdot4_us, MF_I_SDOTUS)  /* the same, a unsigned */
MF_TERNARY(mf_pack_low, MF_I_PACKLO)  /* bytes 0, 1 of d become the lowest of b, a */
MF_TERNARY(mf_pack_high, MF_I_PACKHI) /* bytes 2, 3 of d become the lowest of b, a */
MF_TERNARY(mf_shuffle4, MF_I_SHUFFLE2)/* bytes of a (4 to 7) and d (0 to 3), as b's bytes say */
MF_INLINE int32_t mf_clip8(int32_t a) {
  int32_t d;
  __asm(MF_INSN(MF_I_CLIP, "%0", "%1", "x8") : "=r"(d) : "r"(a));
  return d;
}
MF_INLINE int32_t mf_upper(int32_t a, int32_t b) { /* of the 64 bits of a b */
  int32_t d;
  __asm("mulh %0, %1, %2" : "=r"(d) : "r"(a), "r"(b));
  return d;
}
MF_INLINE int32_t mf_clip_u8(int32_t a) {
  int32_t d;
  __asm(MF_INSN(MF_I_CLIPU, "%0", "%1", "x9") : "=r"(d) : "r"(a));
  return d;
}
#else
MF_INLINE int32_t mf_byte(int32_t word, int32_t at) {
  return (int8_t)((uint32_t)word >> (8 * at) & 255u);
}
MF_INLINE int32_t mf_bytes(int32_t b0, int32_t b1, int32_t b2, int32_t b3) {
  return (int32_t)(((uint32_t)b0 & 255u) | ((uint32_t)b1 & 255u) << 8 |
                   ((uint32_t)b2 & 255u) << 16 | ((uint32_t)b3 & 255u) << 24);
}
MF_INLINE int32_t mf_mac(int32_t d, int32_t a, int32_t b) { return d + a * b; }
MF_INLINE int32_t mf_add_shift(int32_t d, int32_t a, int32_t b) { return (d + a) >> b; }
MF_INLINE int32_t mf_max(int32_t a, int32_t b) { return a > b ? a : b; }
MF_INLINE int32_t mf_min(int32_t a, int32_t b) { return a < b ? a : b; }
MF_INLINE int32_t mf_max4(int32_t a, int32_t b) {
  return mf_bytes(mf_max(mf_byte(a, 0), mf_byte(b, 0)), mf_max(mf_byte(a, 1), mf_byte(b, 1)),
                  mf_max(mf_byte(a, 2), mf_byte(b, 2)), mf_max(mf_byte(a, 3), mf_byte(b, 3)));
}
MF_INLINE int32_t mf_sdot4(int32_t d, int32_t a, int32_t b) {
  for (int32_t i = 0; i < 4; i++) {
    d += mf_byte(a, i) * mf_byte(b, i);
  }
  return d;
}
MF_INLINE int32_t mf_sdot4_us(int32_t d, int32_t a, int32_t b) {
  for (int32_t i = 0; i < 4; i++) {
    d += (mf_byte(a, i) & 255) * mf_byte(b, i);
  }
  return d;
}
MF_INLINE int32_t mf_dot4(int32_t a, int32_t b) { return mf_sdot4(0, a, b); }
MF_INLINE int32_t mf_pack_low(int32_t d, int32_t a, int32_t b) {
  return mf_bytes(b, a, mf_byte(d, 2), mf_byte(d, 3));
}
MF_INLINE int32_t mf_pack_high(int32_t d, int32_t a, int32_t b) {
  return mf_bytes(mf_byte(d, 0), mf_byte(d, 1), b, a);
}
MF_INLINE int32_t mf_shuffle4(int32_t d, int32_t a, int32_t b) {
  int32_t out[4];
  for (int32_t i = 0; i < 4; i++) {
    const int32_t from = mf_byte(b, i);
    out[i] = mf_byte(from & 4 ? a : d, from & 3);
  }
  return mf_bytes(out[0], out[1], out[2], out[3]);
}
MF_INLINE int32_t mf_clip8(int32_t a) { return mf_clamp8(a); }
MF_INLINE int32_t mf_upper(int32_t a, int32_t b) { return (int32_t)(((int64_t)a * b) >> 32); }
MF_INLINE int32_t mf_clip_u8(int32_t a) { return a < 0 ? 0 : a > 255 ? 255 : a; }
#endif

/* Equation (2) in three instructions. */
MF_INLINE int32_t mf_quantized(int32_t acc, int32_t mult, int32_t add, int32_t shift) {
  return mf_clip8(mf_add_shift(acc * mult, add, shift));
}

/* Equation (2w) of acc with its addend, by mf_high. */
MF_INLINE int32_t mf_quantized_high(const mf_high_t *high, int32_t acc, int32_t mult) {
  return mf_clip8(mf_add_shift(mf_upper(acc, mult), high->round, high->right) + high->zero);
}

/* Four bytes in a word. */
MF_INLINE int32_t mf_pack4(int32_t b0, int32_t b1, int32_t b2, int32_t b3) {
  return mf_pack_high(mf_pack_low(0, b1, b0), b3, b2);
}

#endif
