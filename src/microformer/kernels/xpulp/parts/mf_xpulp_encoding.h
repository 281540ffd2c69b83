/* SPDX-License-Identifier: Apache-2.0 */
/* Instructions of XpulpV2 (RI5CY) and CORE-V (CV32E40P) in both encodings: opcode, funct3, funct7.
 *
 * clang knows no hardware loops and nothing of RI5CY, so all are written as .insn. MF_RI5CY or
 * MF_CV32E40P chooses; with neither, MF_XPULP is 0. A hardware loop ends, for RI5CY, in halves of a
 * word from its set-up to its last instruction; for CV32E40P in words to the one behind it. */
#ifndef MF_XPULP_ENCODING_H
#define MF_XPULP_ENCODING_H

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
#define MF_I_ELW "0x03, 6"
#define MF_I_SHUFFLE2 "0x57, 1, 0x64"
#define MF_LW_REG(RD, RS1, RS2) ".insn r 0x0b, 7, 0x10, " RD ", " RS1 ", " RS2 "\n\t"
#define MF_SW_POST(RS2, RS1, STEP) ".insn s 0x2b, 2, " RS2 ", " STEP "(" RS1 ")\n\t"
#define MF_SW_REG(RS2, RS1, STEP) ".insn r 0x2b, 6, 0x00, " STEP ", " RS1 ", " RS2 "\n\t"
#define MF_LB_REG(RD, RS1, RS2) ".insn r 0x03, 7, 0x00, " RD ", " RS2 ", " RS1 "\n\t"
#define MF_LBU_REG(RD, RS1, RS2) ".insn r 0x03, 7, 0x20, " RD ", " RS2 ", " RS1 "\n\t"
#define MF_I_FL1 "0x33, 1, 0x08"
#define MF_I_CLB "0x33, 2, 0x08"
#define MF_I_ADDH "0x57, 0, 0x00"
#define MF_I_SUBH "0x57, 0, 0x04"
#define MF_I_SRAH "0x57, 0, 0x24"
#define MF_I_SDOTH "0x57, 0, 0x5c"
#define MF_I_ADDH_DIV2 "0x57, 2, 0x3a"
#define MF_I_ADDH_DIV8 "0x57, 6, 0x3a"
#define MF_I_SUBH_DIV2 "0x57, 2, 0x32"
#define MF_I_SUBH_DIV8 "0x57, 6, 0x32"
#define MF_I_SUBROTMJ "0x57, 0, 0x36"
#define MF_I_CPLXMUL_R(DIV) "0x57, " DIV ", 0x2a"
#define MF_I_CPLXMUL_I(DIV) "0x57, " DIV ", 0x2b"
#define MF_LB_STEP(RD, RS1, RS2) ".insn r 0x0b, 7, 0x00, " RD ", " RS1 ", " RS2 "\n\t"
#define MF_I_MULURN16 "0x5b, 4, 0x10"
/* Loop 0: count; then start and end around a body of N instructions that follows at once. */
#define MF_LOOP_COUNT(RS1) ".insn i 0x7b, 2, x0, " RS1 ", 0\n\t"
#define MF_LOOP_BODY(N) ".insn i 0x7b, 0, x0, x0, 4\n\t.insn i 0x7b, 1, x0, x0, 2*(" #N ")\n\t"
/* The same where the body begins D instructions behind the first of these two; they hold for every
 * later count. */
#define MF_LOOP_AT(D, N)                             \
  ".insn i 0x7b, 0, x0, x0, 2*(" #D ")\n\t"           \
  ".insn i 0x7b, 1, x0, x0, 2*((" #D ")+(" #N ")-2)\n\t"
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
#define MF_I_ELW "0x0b, 3"
#define MF_I_SHUFFLE2 "0x7b, 1, 0x70"
#define MF_LW_REG(RD, RS1, RS2) ".insn r 0x2b, 3, 0x02, " RD ", " RS1 ", " RS2 "\n\t"
#define MF_SW_POST(RS2, RS1, STEP) ".insn s 0x2b, 2, " RS2 ", " STEP "(" RS1 ")\n\t"
#define MF_SW_REG(RS2, RS1, STEP) ".insn r 0x2b, 3, 0x12, " STEP ", " RS1 ", " RS2 "\n\t"
#define MF_LB_REG(RD, RS1, RS2) ".insn r 0x2b, 3, 0x04, " RD ", " RS2 ", " RS1 "\n\t"
#define MF_LBU_REG(RD, RS1, RS2) ".insn r 0x2b, 3, 0x0c, " RD ", " RS2 ", " RS1 "\n\t"
#define MF_I_FL1 "0x2b, 3, 0x22"
#define MF_I_CLB "0x2b, 3, 0x23"
#define MF_I_ADDH "0x7b, 0, 0x00"
#define MF_I_SUBH "0x7b, 0, 0x04"
#define MF_I_SRAH "0x7b, 0, 0x24"
#define MF_I_SDOTH "0x7b, 0, 0x54"
#define MF_I_ADDH_DIV2 "0x7b, 2, 0x36"
#define MF_I_ADDH_DIV8 "0x7b, 6, 0x36"
#define MF_I_SUBH_DIV2 "0x7b, 2, 0x3a"
#define MF_I_SUBH_DIV8 "0x7b, 6, 0x3a"
#define MF_I_SUBROTMJ "0x7b, 0, 0x32"
#define MF_I_CPLXMUL_R(DIV) "0x7b, " DIV ", 0x2a"
#define MF_I_CPLXMUL_I(DIV) "0x7b, " DIV ", 0x2b"
#define MF_LB_STEP(RD, RS1, RS2) ".insn r 0x2b, 3, 0x00, " RD ", " RS1 ", " RS2 "\n\t"
#define MF_I_MULURN16 "0x5b, 5, 0x50"
#define MF_LOOP_COUNT(RS1) ".insn i 0x2b, 4, x10, " RS1 ", 0\n\t"
#define MF_LOOP_BODY(N) ".insn i 0x2b, 4, x0, x0, 2\n\t.insn i 0x2b, 4, x4, x0, (" #N ")+1\n\t"
#define MF_LOOP_AT(D, N)                             \
  ".insn i 0x2b, 4, x0, x0, (" #D ")\n\t"             \
  ".insn i 0x2b, 4, x4, x0, (" #D ")+(" #N ")-1\n\t"
#define MF_LOOP(RS1, N) ".insn i 0x2b, 4, x14, " RS1 ", (" #N ")+1\n\t"
#else
#define MF_XPULP 0
#endif

#endif
