/* Four query rows of one head on one core, equations (3) and (4): scores, probabilities, context.
 *
 * Keys lie in panels of four keys, values in panels of four channels by words of four keys, both an
 * odd number of words apart. Scores and probabilities of four rows are all that is ever kept. */
#ifndef MF_ATTENTION_XPULP_H
#define MF_ATTENTION_XPULP_H

#include "mf_attention.h"
#include "mf_cluster.h"
#include "mf_probability_xpulp.h"
#include "mf_quotient.h"
#include "mf_rows_xpulp.h"
#include "mf_run_xpulp.h"
#include "mf_softmax.h"

/* How a distance becomes a probability: by (3a) from a table, or by (4). */
typedef struct {
  union {
    mf_lut_t lut;
    mf_ibert_t ibert;
  };
  int32_t by_table;
  int32_t safe; /* of (3a): no score is left out, no distance beyond the table's limit */
} mf_exponential_t;

/* What is the same for all rows and heads. */
typedef struct {
  mf_exponential_t exponential;
  int32_t sk;
  int32_t key_words;   /* of a key */
  int32_t value_quads; /* panels of a head's values */
  int32_t causal;
  int32_t out_mult;
  int32_t out_shift;
  int32_t out_round;
  int32_t out_zero;
  int32_t masked_value;
} mf_attend_t;

/* Moves the zero point into the rounding constant where the sum before the shift keeps 31 bits
 * (the bound of docs/arithmetic.md, (3c)): an instruction a result less. */
MF_INLINE void mf_fold_zero(mf_attend_t *op) {
  const int64_t folded = op->out_round + (int64_t)op->out_zero * ((int64_t)1 << op->out_shift);
  const int64_t size = folded < 0 ? -folded : folded;
  if (128 * (int64_t)op->out_mult + op->out_mult / 16 + 1 + size < INT32_MAX) {
    op->out_round = (int32_t)folded, op->out_zero = 0;
  }
}

/* Words of L1 of one panel of keys, of one of values; of a core's scores, probabilities, bias. */
MF_INLINE int32_t mf_key_panel(int32_t key_words) { return 4 * key_words + 1; }
MF_INLINE int32_t mf_value_panel(int32_t sk) { return 4 * ((sk + 3) >> 2) + 1; }
MF_INLINE int32_t mf_score_words(int32_t sk) { return ((sk + 3) & ~3) | 1; }
MF_INLINE int32_t mf_core_words(int32_t sk, int32_t biased) {
  return 4 * (mf_score_words(sk) + (((sk + 3) >> 2) | 1) + (biased ? sk : 0));
}

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
MF_INLINE int32_t mf_near_words(
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
    to[word] = mf_lut_near4(lut->table, base, scores + 4 * word, lut->mult, lut->shift);
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
    denom = mf_near_words(&by->lut, base, scores, to, word);
    if ((visible & 3) != 0) {
      const int32_t p = mf_lut_near4(
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
      } else if (by->by_table) {
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

/* Context of four rows of queries to y, a word of four channels after the other; `count` of the
 * rows are there. `row` is the first one's number, `bias` its entries or NULL, `work` the core's. */
MF_PHASE void mf_attend(
    const mf_attend_t *op, const int8_t *q, int32_t q_stride, const int32_t *keys,
    const int32_t *values, const int32_t *bias, int8_t *y, int32_t y_pitch, int32_t row,
    int32_t count, int32_t *work) {
  const int32_t sk = op->sk, pitch = mf_score_words(sk), p_words = ((sk + 3) >> 2) | 1;
  int32_t *const scores = work, *const p = scores + 4 * pitch, *const near_bias = p + 4 * p_words;
  const int32_t most = op->causal && row + count < sk ? row + count : sk;
  const int32_t quads = (most + 3) >> 2;
  int32_t copy = 0;
  if (bias != NULL && !mf_is_near(bias)) {
    copy = mf_copy_rows(near_bias, bias, 4 * sk * count, 1, 0, 0);
  }
  mf_run_t run = {
      q, q_stride, 0, keys, mf_key_panel(op->key_words), op->key_words, (int8_t *)scores,
      4 * pitch, 16, quads};
  mf_run_sums(&run);
  if (bias != NULL && !mf_is_near(bias)) {
    mf_copied(copy);
    bias = near_bias;
  }
  mf_normal_t normal = {{0, 0, 0, 0}, {0, 0, 0, 0}, op->out_shift, op->out_round, op->out_zero};
  int32_t empty = 0;
  for (int32_t r = 0; r < 4; r++) { /* rows that are not there are worth nothing */
    int32_t *const line = scores + r * pitch;
    const int32_t seen = op->causal && row + r + 1 < most ? row + r + 1 : most;
    const int32_t visible = r < count ? seen : 0;
    int32_t top = 0;
    if (visible > 0) {
      top = bias != NULL ? mf_bias_row(line, bias + r * sk, visible) : mf_top(line, visible);
    }
    const int32_t denom =
        mf_row_probabilities(&op->exponential, line, p + r * p_words, top, visible, quads);
    const mf_quotient_t quotient =
        mf_quotient_of(denom, denom > 0 ? mf_bits((uint32_t)denom) : 0, op->out_mult);
    normal.right[r] = quotient.right, normal.factor[r] = quotient.factor;
    empty |= quotient.empty << r;
  }
  run.rows = (const int8_t *)p, run.stride = 4 * p_words;
  run.columns = values, run.column_step = mf_value_panel(sk), run.words = quads;
  run.y = y, run.pitch = y_pitch, run.y_step = 4, run.count = op->value_quads;
  mf_run_context(&run, &normal);
  for (int32_t r = 0; empty != 0 && r < count; r++) {
    for (int32_t c = 0; (empty >> r & 1) && c < 4 * op->value_quads; c++) {
      y[r * y_pitch + c] = (int8_t)op->masked_value;
    }
  }
}

#endif
