/* SPDX-License-Identifier: Apache-2.0 */
/* One row of scores to probabilities, packed for the product with the values, (3) and (4). */
#ifndef MF_PROBABILITY_DSP_H
#define MF_PROBABILITY_DSP_H

#include "mf_attention.h"
#include "mf_dsp.h"
#include "mf_softmax.h"

/* Probabilities of one row, two in a word, and their sum; zero from `visible` to a multiple of
 * four behind `most`. */
MF_INLINE int32_t mf_dsp_row_probabilities(
    const mf_exponential_t *by, const int32_t *scores, uint32_t *to /* every second word */,
    int32_t top, int32_t visible, int32_t most, int32_t safe) {
  const mf_lut_t *const lut = &by->lut;
  const int32_t base = safe ? top * lut->mult + (1 << (lut->shift - 1)) : 0;
  int32_t denom = 0, j = 0;
  for (; safe && j + 2 <= visible; j += 2, to += 2) {
    const int32_t a = (base - scores[j] * lut->mult) >> lut->shift;
    const int32_t b = (base - scores[j + 1] * lut->mult) >> lut->shift;
    const int32_t p = lut->table[mf_clamp_u8(a)], next = lut->table[mf_clamp_u8(b)];
    denom += p + next;
    *to = (uint32_t)p | (uint32_t)next << 16;
  }
  if (safe && j < visible) { /* an odd last one */
    const int32_t p = lut->table[mf_clamp_u8((base - scores[j] * lut->mult) >> lut->shift)];
    denom += p;
    *to = (uint32_t)p;
    j += 2, to += 2;
  }
  for (; safe && j < ((most + 3) & ~3); j += 2, to += 2) {
    *to = 0;
  }
  if (!safe && by->by_lut && lut->shift <= 22 && top != MF_MASKED) {
    /* the last entry is 0 and far enough: what is left out is as what is farthest */
    const int32_t farthest = lut->limit < 1 << 30 ? lut->limit : 1 << 30, least = top - farthest;
    const int32_t half = 1 << (lut->shift - 1);
    for (; j + 2 <= visible; j += 2, to += 2) {
      const int32_t a = scores[j] > least ? scores[j] : least;
      const int32_t b = scores[j + 1] > least ? scores[j + 1] : least;
      const int32_t p = lut->table[mf_clamp_u8(((top - a) * lut->mult + half) >> lut->shift)];
      const int32_t next = lut->table[mf_clamp_u8(((top - b) * lut->mult + half) >> lut->shift)];
      denom += p + next;
      *to = (uint32_t)p | (uint32_t)next << 16;
    }
  }
  for (; j < ((most + 3) & ~3); j += 2, to += 2) {
    uint32_t p[2] = {0, 0};
    for (int32_t i = 0; i < 2; i++) {
      if (j + i < visible && scores[j + i] != MF_MASKED) {
        p[i] = (uint32_t)mf_probability(by, top - scores[j + i]);
      }
    }
    denom += (int32_t)(p[0] + p[1]);
    *to = p[0] | p[1] << 16;
  }
  return denom;
}

#endif
