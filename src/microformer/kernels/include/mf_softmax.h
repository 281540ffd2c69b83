/* SPDX-License-Identifier: Apache-2.0 */
/* Integer probabilities 0..255 from score distances, equations (3a) and (4). */
#ifndef MF_SOFTMAX_H
#define MF_SOFTMAX_H

#include "mf_core.h"

/* Equation (3a): how a distance from the row's maximum becomes an index of the table. */
typedef struct {
  const uint8_t *table; /* [256] */
  int32_t mult;
  int32_t shift;
  int32_t limit; /* the largest distance for which distance * mult + round fits 31 bits */
} mf_lut_t;

static inline mf_lut_t mf_lut(const uint8_t *table, int32_t mult, int32_t shift) {
  const mf_lut_t lut = {table, mult, shift, (INT32_MAX - (1 << (shift - 1))) / mult};
  return lut;
}

/* d >= 0 is the row's maximum less the score. */
static inline int32_t mf_lut_probability(const mf_lut_t *lut, int32_t d) {
  const int32_t clamped = d > lut->limit ? lut->limit : d;
  const int32_t index = (clamped * lut->mult + (1 << (lut->shift - 1))) >> lut->shift;
  return lut->table[index > 255 ? 255 : index];
}

/* Equation (4): the constants of i-exp. */
typedef struct {
  int32_t preshift;   /* e, may be negative */
  int32_t ln2;
  int32_t b;
  int32_t c;
  int32_t shift;
  int32_t limit;      /* 30 ln2: beyond it every probability is the same */
  int32_t left_limit; /* the largest d that may be shifted left by -e */
  uint32_t reciprocal;/* floor(2^26 / ln2) */
} mf_ibert_t;

static inline mf_ibert_t mf_ibert(
    int32_t preshift, int32_t ln2, int32_t b, int32_t c, int32_t shift) {
  const int32_t limit = 30 * ln2;
  const int32_t left_limit = preshift < 0 ? limit >> -preshift : 0;
  const mf_ibert_t ibert = {
      preshift, ln2, b, c, shift, limit, left_limit, (1u << 26) / (uint32_t)ln2};
  return ibert;
}

/* d >= 0 is the row's maximum less the score.
 *
 * d div ln2 is a product with the reciprocal, at most 1 too small while 30 ln2 < 2^26 (which
 * b^2 + c < 2^31 implies), so one comparison makes it exact. */
static inline int32_t mf_ibert_probability(const mf_ibert_t *ibert, int32_t d) {
  int32_t shifted;
  if (ibert->preshift >= 0) {
    shifted = d >> ibert->preshift;
    shifted = shifted > ibert->limit ? ibert->limit : shifted;
  } else {
    shifted = d > ibert->left_limit ? ibert->limit : d * (1 << -ibert->preshift);
  }
  int32_t halvings = (int32_t)(((uint32_t)shifted * ibert->reciprocal) >> 26);
  int32_t rest = shifted - halvings * ibert->ln2;
  if (rest >= ibert->ln2) {
    rest -= ibert->ln2;
    halvings++;
  }
  const int32_t base = ibert->b - rest;
  return ((base * base + ibert->c) >> halvings) >> ibert->shift;
}

/* How a distance becomes a probability: by (3a) from a LUT, or by (4). A struct of literals: which
 * of both it is, and its constants, are known where a layer is compiled. */
typedef struct {
  union {
    mf_lut_t lut;
    mf_ibert_t ibert;
  };
  int32_t by_lut;
  int32_t safe; /* of (3a): no score is left out, no distance is beyond the LUT's limit */
} mf_exponential_t;

/* a and b are mult and shift of (3a), or a to e preshift, ln2, b, c and shift of (4). Without a
 * bias |score| <= head_dim 2^14, so that mostly no distance can exceed the LUT's limit. */
static inline void mf_exponential(
    mf_exponential_t *by, const uint8_t *lut, const int32_t *bias, int32_t head_dim,
    int32_t by_lut, int32_t a, int32_t b, int32_t c, int32_t d, int32_t e) {
  by->by_lut = by_lut;
  by->safe = 0;
  if (by_lut) {
    by->lut = mf_lut(lut, a, b);
    by->safe = bias == NULL && 2 * head_dim * 16384 <= by->lut.limit;
  } else {
    by->ibert = mf_ibert(a, b, c, d, e);
  }
}

/* d >= 0 is the row's maximum less the score. */
static inline int32_t mf_probability(const mf_exponential_t *by, int32_t d) {
  return by->by_lut ? mf_lut_probability(&by->lut, d) : mf_ibert_probability(&by->ibert, d);
}

/* The largest of x[0 .. n-1]. */
static inline int32_t mf_row_max(const int8_t *x, int32_t n) {
  int32_t top = x[0];
  for (int32_t i = 1; i < n; i++) {
    top = x[i] > top ? x[i] : top;
  }
  return top;
}

/* Equation (11), in place: y holds p - 128 and receives the normalised probability - 128. */
static inline void mf_softmax_normalize(int8_t *y, int32_t n, uint32_t denom) {
  const uint32_t reciprocal = (1u << 24) / denom;
  for (int32_t i = 0; i < n; i++) {
    const uint32_t level = ((uint32_t)(y[i] + 128) * reciprocal + (1u << 15)) >> 16;
    y[i] = (int8_t)((int32_t)(level > 255 ? 255 : level) - 128);
  }
}

#endif
