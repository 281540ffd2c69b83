/* Instructions of XpulpV2 (RI5CY) and CORE-V (CV32E40P), each by both encodings and by plain C.
 *
 * clang knows no hardware loops and nothing of RI5CY, so all are written as .insn: opcode, funct3,
 * funct7. MF_RI5CY or MF_CV32E40P chooses; with neither, C does the same, for any machine. */
#ifndef MF_XPULP_H
#define MF_XPULP_H

#include "mf_core.h"

#if defined(MF_RI5CY)
#define MF_XPULP 1
#define MF_I_MAC "0x33, 0, 0x21"
#define MF_I_ADDN "0x5b, 2, 0x20"
#define MF_I_CLIP "0x33, 1, 0x0a"
#define MF_I_CLIPU "0x33, 2, 0x0a"
#define MF_I_MAX "0x33, 6, 0x02"
#define MF_I_MIN "0x33, 4, 0x02"
#define MF_I_MAXB "0x57, 1, 0x18"
#define MF_I_DOT "0x57, 1, 0x4c"
#define MF_I_SDOT "0x57, 1, 0x5c"
#define MF_I_DOTUS "0x57, 1, 0x44"
#define MF_I_SDOTUS "0x57, 1, 0x54"
#define MF_I_PACKHI "0x57, 1, 0x6c"
#define MF_I_PACKLO "0x57, 1, 0x70"
#define MF_I_LWI "0x0b, 2"
#define MF_I_LBUI "0x0b, 4"
#define MF_I_LBI "0x0b, 0"
#define MF_I_ELW "0x03, 6"
#define MF_I_SHUFFLE2 "0x57, 1, 0x64"
#define MF_LW_REG(RD, RS1, RS2) ".insn r 0x0b, 7, 0x10, " RD ", " RS1 ", " RS2 "\n\t"
/* Loop 0: count; then start and end around a body of N instructions that follows at once. */
#define MF_LOOP_COUNT(RS1) ".insn i 0x7b, 2, x0, " RS1 ", 0\n\t"
#define MF_LOOP_BODY(N) ".insn i 0x7b, 0, x0, x0, 4\n\t.insn i 0x7b, 1, x0, x0, 2*(" #N ")\n\t"
#define MF_LOOP(RS1, N) ".insn i 0x7b, 4, x0, " RS1 ", 2*(" #N ")\n\t"
#elif defined(MF_CV32E40P)
#define MF_XPULP 1
#define MF_I_MAC "0x2b, 3, 0x48"
#define MF_I_ADDN "0x2b, 3, 0x40"
#define MF_I_CLIP "0x2b, 3, 0x38"
#define MF_I_CLIPU "0x2b, 3, 0x39"
#define MF_I_MAX "0x2b, 3, 0x2d"
#define MF_I_MIN "0x2b, 3, 0x2b"
#define MF_I_MAXB "0x7b, 1, 0x18"
#define MF_I_DOT "0x7b, 1, 0x48"
#define MF_I_SDOT "0x7b, 1, 0x54"
#define MF_I_DOTUS "0x7b, 1, 0x44"
#define MF_I_SDOTUS "0x7b, 1, 0x50"
#define MF_I_PACKHI "0x7b, 1, 0x7d"
#define MF_I_PACKLO "0x7b, 1, 0x7c"
#define MF_I_LWI "0x0b, 2"
#define MF_I_LBUI "0x0b, 4"
#define MF_I_LBI "0x0b, 0"
#define MF_I_ELW "0x0b, 3"
#define MF_I_SHUFFLE2 "0x7b, 1, 0x70"
#define MF_LW_REG(RD, RS1, RS2) ".insn r 0x2b, 3, 0x02, " RD ", " RS1 ", " RS2 "\n\t"
#define MF_LOOP_COUNT(RS1) ".insn i 0x2b, 4, x10, " RS1 ", 0\n\t"
#define MF_LOOP_BODY(N) ".insn i 0x2b, 4, x0, x0, 2\n\t.insn i 0x2b, 4, x4, x0, (" #N ")+1\n\t"
#define MF_LOOP(RS1, N) ".insn i 0x2b, 4, x14, " RS1 ", (" #N ")+1\n\t"
#else
#define MF_XPULP 0
#endif

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
MF_INLINE int32_t mf_clip_u8(int32_t a) { return a < 0 ? 0 : a > 255 ? 255 : a; }
#endif

/* Equation (2) in three instructions. */
MF_INLINE int32_t mf_quantized(int32_t acc, int32_t mult, int32_t add, int32_t shift) {
  return mf_clip8(mf_add_shift(acc * mult, add, shift));
}

/* Four bytes in a word. */
MF_INLINE int32_t mf_pack4(int32_t b0, int32_t b1, int32_t b2, int32_t b3) {
  return mf_pack_high(mf_pack_low(0, b1, b0), b3, b2);
}

#endif
