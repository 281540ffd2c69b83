/* SPDX-License-Identifier: Apache-2.0 */
/* Scores of a row of attention to probabilities, equations (3a) and (4), in hardware loops. */
#ifndef MF_SCORES_XPULP_H
#define MF_SCORES_XPULP_H

#include "mf_attention.h"
#include "mf_probability_xpulp.h"

#if MF_XPULP
#define MF_LOAD_SCORES                                                                         \
  MF_LW_POST("%[s0]", "%[at]", "4") MF_LW_POST("%[s1]", "%[at]", "4")                          \
  MF_LW_POST("%[s2]", "%[at]", "4") MF_LW_POST("%[s3]", "%[at]", "4")
#define MF_EACH_SCORE(OP) OP("%[s0]") OP("%[s1]") OP("%[s2]") OP("%[s3]")
#define MF_TIMES_MINUS(S) "mul " S ", " S ", %[minus]\n\t"
#define MF_PLUS_BASE(S) MF_INSN(MF_I_ADDN, S, "%[base]", "%[shift]")
#define MF_TO_INDEX(S) MF_INSN(MF_I_CLIPU, S, S, "x9")
#define MF_TO_ENTRY(S) MF_LBU_REG(S, S, "%[table]")
#endif

/* The largest of `visible` > 0 scores: 8 instructions for four. */
MF_INLINE int32_t mf_top(const int32_t *scores, int32_t visible) {
  int32_t a = scores[0], b = a, j = 0;
#if MF_XPULP
  int32_t s0, s1, s2, s3, quads = visible >> 2;
  const int32_t *at = scores;
  if (quads > 0) {
    __asm volatile(
        MF_NORVC MF_LOOP("%[quads]", 8) MF_LOAD_SCORES MF_INSN(MF_I_MAX, "%[a]", "%[a]", "%[s0]")
        MF_INSN(MF_I_MAX, "%[b]", "%[b]", "%[s1]") MF_INSN(MF_I_MAX, "%[a]", "%[a]", "%[s2]")
        MF_INSN(MF_I_MAX, "%[b]", "%[b]", "%[s3]") MF_RVC
        : [a] "+r"(a), [b] "+r"(b), [s0] "=&r"(s0), [s1] "=&r"(s1), [s2] "=&r"(s2),
          [s3] "=&r"(s3), [at] "+r"(at)
        : [quads] "r"(quads)
        : "memory");
  }
  j = 4 * quads;
#endif
  for (; j < visible; j++) {
    a = mf_max(a, scores[j]);
  }
  return mf_max(a, b);
}

/* Equation (3a) of whole words of four scores; returns the sum: 24 instructions for four. */
MF_INLINE int32_t mf_safe_words(
    const mf_lut_t *lut, int32_t base, const int32_t *scores, int32_t *to, int32_t words) {
  int32_t denom = 0;
#if MF_XPULP
  int32_t s0, s1, s2, s3, word = 0;
  const int32_t *at = scores;
  if (words > 0) {
    __asm volatile(
        MF_NORVC MF_LOOP("%[words]", 24) MF_LOAD_SCORES MF_EACH_SCORE(MF_TIMES_MINUS)
        MF_EACH_SCORE(MF_PLUS_BASE) MF_EACH_SCORE(MF_TO_INDEX) MF_EACH_SCORE(MF_TO_ENTRY)
        MF_INSN(MF_I_PACKLO, "%[word]", "%[s1]", "%[s0]")
        MF_INSN(MF_I_PACKHI, "%[word]", "%[s3]", "%[s2]")
        MF_INSN(MF_I_SDOTUS, "%[denom]", "%[word]", "%[ones]") MF_SW_POST("%[word]", "%[to]", "4")
        MF_RVC
        : [s0] "=&r"(s0), [s1] "=&r"(s1), [s2] "=&r"(s2), [s3] "=&r"(s3), [word] "+&r"(word),
          [denom] "+&r"(denom), [at] "+&r"(at), [to] "+&r"(to)
        : [words] "r"(words), [minus] "r"(-lut->mult), [base] "r"(base), [shift] "r"(lut->shift),
          [table] "r"(lut->table), [ones] "r"(0x01010101)
        : "memory");
  }
#else
  for (int32_t word = 0; word < words; word++) {
    to[word] = mf_lut_safe4(lut->table, base, scores + 4 * word, lut->mult, lut->shift);
    denom = mf_sdot4_us(denom, to[word], 0x01010101);
  }
#endif
  return denom;
}

/* Probabilities of a row as bytes, zero from `visible` to `words` words; their sum. */
MF_INLINE int32_t mf_row_probabilities(
    const mf_exponential_t *by, const int32_t *scores, int32_t *to, int32_t top, int32_t visible,
    int32_t words) {
  int32_t denom = 0, word = 0;
  if (by->safe) {
    const int32_t base = mf_lut_base(top, by->lut.mult, by->lut.shift);
    word = visible >> 2;
    denom = mf_safe_words(&by->lut, base, scores, to, word);
    if ((visible & 3) != 0) {
      const int32_t p = mf_lut_safe4(
          by->lut.table, base, scores + 4 * word, by->lut.mult, by->lut.shift);
      to[word] = (int32_t)((uint32_t)p & ((1u << (8 * (visible & 3))) - 1u));
      denom = mf_sdot4_us(denom, to[word], 0x01010101);
      word++;
    }
  }
  for (; word < words; word++) {
    int32_t p[4];
    for (int32_t i = 0; i < 4; i++) {
      const int32_t j = 4 * word + i;
      if (j >= visible || scores[j] == MF_MASKED) {
        p[i] = 0;
      } else if (by->by_lut) { /* mf_probability would cost the tests of a load more */
        p[i] = mf_lut_probability(&by->lut, top - scores[j]);
      } else {
        p[i] = mf_ibert_probability(&by->ibert, top - scores[j]);
      }
      denom += p[i];
    }
    to[word] = mf_pack4(p[0], p[1], p[2], p[3]);
  }
  return denom;
}

#endif
