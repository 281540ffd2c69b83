/* SPDX-License-Identifier: Apache-2.0 */
/* Dense convolution on a band of rows spread to int16, equations (1), (2) or (2w), (6).
 *
 * What a cell sees of one row of the kernel lies side by side in the image, so nothing is gathered:
 * the rows that some rows of the output need are spread once, padding included, and cells side by
 * side are read where they lie, a literal number of bytes apart. Where a step from one cell to the
 * next is an odd number of values, each row is there twice, the second time one value earlier: of
 * two cells side by side one then begins at a word of the first copy, the other at one of the second. */
#ifndef MF_BAND_DSP_H
#define MF_BAND_DSP_H

#include "mf_dot_2x4.h"
#include "mf_scaled.h"
#include "mf_spread.h"

/* Cells of the output in a band at least: a panel of weights is spread once for all of them. */
#define MF_BAND_CELLS 256

/* The layout of a convolution's band. Sizes are in int16 where nothing else is said. */
typedef struct {
  int32_t h, w, c, ow, kh, kw, stride_h, stride_w, pad_top, pad_left, dilation_h, pad_value;
  int32_t part;  /* values of one row of the kernel, padded to pairs */
  int32_t copy;  /* one copy of a row */
  int32_t pitch; /* a row, with both copies where there are two */
  int32_t apart; /* from a cell to the next one */
  int32_t rows;  /* of the output in a band */
} mf_band_t;

MF_INLINE mf_band_t mf_band(
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left, int32_t dilation_h,
    int32_t pad_value) {
  const int32_t step = stride_w * c, part = (kw * c + 1) & ~1;
  /* the last cell may be read once more where the number of cells is odd */
  const int32_t copy = (ow * step + part + 1) & ~1;
  const int32_t odd = step & 1, wanted = (MF_BAND_CELLS + ow - 1) / ow;
  const mf_band_t band = {
      h, w, c, ow, kh, kw, stride_h, stride_w, pad_top, pad_left, dilation_h, pad_value,
      part, copy, odd ? 2 * copy : copy, odd ? copy + step - 1 : step, wanted < oh ? wanted : oh};
  return band;
}

/* Rows of the image that `rows` rows of the output see. */
MF_INLINE int32_t mf_band_height(const mf_band_t *band, int32_t rows) {
  return (rows - 1) * band->stride_h + (band->kh - 1) * band->dilation_h + 1;
}

/* count values as int16, in their order; `to` is where pairs begin if count is at least 4. */
MF_INLINE void mf_widen(const int8_t *from, int16_t *to, int32_t count) {
  for (; count > 0 && ((uintptr_t)to & 3) != 0; count--) {
    *to++ = *from++;
  }
  for (; count >= 4; count -= 4, from += 4, to += 4) {
    const uint32_t word = mf_load4(from);
    const uint32_t even = mf_pair_even(word), odd = mf_pair_odd(word);
    ((uint32_t *)(void *)to)[0] = mf_pack((int32_t)even, (int32_t)odd);
    ((uint32_t *)(void *)to)[1] = mf_pack_tops(even, odd);
  }
  for (; count > 0; count--) {
    *to++ = *from++;
  }
}

/* Row iy of the image with its padding, `early` values earlier than its place. */
MF_INLINE void mf_band_row(
    const mf_band_t *band, const int8_t *x, int16_t *to, int32_t iy, int32_t early) {
  const int32_t c = band->c, width = band->copy;
  const int32_t before = iy < 0 || iy >= band->h ? width : band->pad_left * c - early;
  int32_t i = 0;
  if (before < width) {
    const int32_t skipped = before < 0 ? -before : 0, from = before < 0 ? 0 : before;
    const int32_t there = band->w * c - skipped;
    const int32_t count = there < width - from ? there : width - from;
    for (; i < from; i++) {
      to[i] = (int16_t)band->pad_value;
    }
    mf_widen(x + iy * band->w * c + skipped, to + i, count);
    i += count;
  }
  for (; i < width; i++) {
    to[i] = (int16_t)band->pad_value;
  }
}

/* The rows that the output's rows from oy on see, to [rows, pitch]. */
MF_INLINE void mf_band_spread(
    const mf_band_t *band, const int8_t *x, int16_t *to, int32_t oy, int32_t rows) {
  const int32_t height = mf_band_height(band, rows);
  for (int32_t row = 0; row < height; row++, to += band->pitch) {
    const int32_t iy = oy * band->stride_h - band->pad_top + row;
    mf_band_row(band, x, to, iy, 0);
    if (band->pitch != band->copy) {
      mf_band_row(band, x, to + band->copy, iy, 1);
    }
  }
}

/* Four columns of the weight from `column` on, word by word, rows of the kernel padded to pairs,
 * then mult and add of each; columns beyond the last repeat it. */
MF_INLINE void mf_band_panel(
    const mf_band_t *band, const int8_t *weight /* [n, kh, kw, c] */, const int32_t *mult,
    const int32_t *add, uint32_t *panel, int32_t column, int32_t n) {
  const int32_t length = band->kw * band->c, k = band->kh * length;
  for (int32_t ky = 0; ky < band->kh; ky++) {
    const int8_t *of[4];
    for (int32_t j = 0; j < 4; j++) {
      of[j] = weight + (column + j < n ? column + j : n - 1) * k + ky * length;
    }
    int32_t i = 0;
#pragma GCC unroll 1
    for (; i + 4 <= length; i += 4, panel += 8) {
#pragma GCC unroll 4
      for (int32_t j = 0; j < 4; j++) {
        const uint32_t word = mf_load4(of[j] + i);
        const uint32_t even = mf_pair_even(word), odd = mf_pair_odd(word);
        panel[j] = mf_pack((int32_t)even, (int32_t)odd);
        panel[4 + j] = mf_pack_tops(even, odd);
      }
    }
    for (; i < length; i += 2, panel += 4) {
      for (int32_t j = 0; j < 4; j++) {
        panel[j] = mf_pack(of[j][i], i + 1 < length ? of[j][i + 1] : 0);
      }
    }
  }
  for (int32_t j = 0; j < 4; j++) {
    const int32_t c = column + j < n ? column + j : n - 1;
    panel[2 * j] = (uint32_t)mult[c];
    panel[2 * j + 1] = (uint32_t)add[c];
  }
}

/* sums[4 i + j] = cell i of two side by side times column j; (2) but for its shift if `scaled`. */
MF_INLINE void mf_band_dot(
    const mf_band_t *band, const int16_t *cell, const uint32_t *panel, int32_t scaled,
    int32_t sums[8]) {
  const int32_t words = band->part >> 1, row = band->pitch * band->dilation_h;
#ifdef MF_DOT_ASM
  if (__builtin_constant_p(band->apart) && __builtin_constant_p(words) &&
      2 * band->apart + 64 <= 4095) { /* the reach of a load's literal */
    register const int16_t *x __asm("r0") = cell;
    register const uint32_t *w __asm("r1") = panel;
    register uint32_t a __asm("r2"), b __asm("r3"), c __asm("r4"), d __asm("r5");
    register int32_t a0 __asm("r6"), a1 __asm("r7"), a2 __asm("r8"), a3 __asm("r9");
    register int32_t b0 __asm("r10"), b1 __asm("r11"), b2 __asm("r12"), b3 __asm("lr");
    if (words >= 16) {
      a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
      const uint32_t *const end = panel + 4 * words * band->kh; /* spares a count in memory */
#pragma GCC unroll 1
      do {
        if (words >= 32) {
          a = (uint32_t)(w + 4 * (words & ~15)); /* where the loop ends */
          MF_APART_LOOP(2 * band->apart);
        } else {
          MF_APART_ONCE(MF_APART_16(0, 0), 64, 256, 2 * band->apart);
        }
        MF_APART_REST(words, 2 * band->apart);
        x += row - band->part;
      } while (w != end);
    } else {
      MF_APART_FIRST(2 * band->apart);
      MF_APART_REST(words - 1, 2 * band->apart);
      x += row - band->part;
#pragma GCC unroll 8
      for (int32_t ky = 1; ky < band->kh; ky++) {
        MF_APART_REST(words, 2 * band->apart);
        x += row - band->part;
      }
    }
    if (scaled) {
      __asm volatile(MF_SCALE_2X4 : MF_SUMS_2X4 : : "memory");
    }
    sums[0] = a0, sums[1] = a1, sums[2] = a2, sums[3] = a3;
    sums[4] = b0, sums[5] = b1, sums[6] = b2, sums[7] = b3;
    return;
  }
  /* sizes that are no literals: one body for several layers */
  register const int16_t *x __asm("r0") = cell;
  register const uint32_t *w __asm("r1") = panel;
  register uint32_t a __asm("r2"), b __asm("r3"), c __asm("r4");
  register const int16_t *y __asm("r5") = cell + band->apart;
  register int32_t a0 __asm("r6") = 0, a1 __asm("r7") = 0, a2 __asm("r8") = 0;
  register int32_t a3 __asm("r9") = 0, b0 __asm("r10") = 0, b1 __asm("r11") = 0;
  register int32_t b2 __asm("r12") = 0, b3 __asm("lr") = 0;
  for (int32_t ky = 0; ky < band->kh; ky++) {
    if (words >= 4) {
      c = (uint32_t)(w + 4 * (words & ~3));
      MF_FAR_LOOP(MF_PAIR_FAR MF_PAIR_FAR MF_PAIR_FAR MF_PAIR_FAR);
    }
    if ((words & 3) != 0) {
      c = (uint32_t)(w + 4 * (words & 3));
      MF_FAR_LOOP(MF_PAIR_FAR);
    }
    x += row - band->part;
    y += row - band->part;
  }
  const int32_t made[8] = {a0, a1, a2, a3, b0, b1, b2, b3};
  const int32_t *of = (const int32_t *)w;
  for (int32_t i = 0; i < 8; i++) {
    sums[i] = scaled ? made[i] * of[2 * (i & 3)] + of[2 * (i & 3) + 1] : made[i];
  }
#else
  for (int32_t i = 0; i < 8; i++) {
    sums[i] = 0;
  }
  for (int32_t ky = 0; ky < band->kh; ky++, cell += row) {
    for (int32_t i = 0; i < words; i++, panel += 4) {
      const uint32_t first = *(const uint32_t *)(const void *)(cell + 2 * i);
      const uint32_t second = *(const uint32_t *)(const void *)(cell + 2 * i + band->apart);
      for (int32_t j = 0; j < 4; j++) {
        sums[j] = mf_dot_pair(first, panel[j], sums[j]);
        sums[4 + j] = mf_dot_pair(second, panel[j], sums[4 + j]);
      }
    }
  }
  const int32_t *tail = (const int32_t *)panel;
  for (int32_t i = 0; scaled && i < 8; i++) {
    sums[i] = sums[i] * tail[2 * (i & 3)] + tail[2 * (i & 3) + 1];
  }
#endif
}

/* Arguments as of mf_conv2d_s8_dsp_band. */
MF_INLINE void mf_conv_band(
    const int8_t *restrict x,       /* [h, w, c] */
    const int8_t *restrict weight,  /* [n, kh, kw, c] */
    const int32_t *restrict mult,   /* [n] */
    const int32_t *restrict add,    /* [n] */
    const int8_t *restrict lut,     /* [256] or NULL */
    int8_t *restrict y,             /* [oh, ow, n] */
    const mf_band_t *band, int32_t oh, int32_t n, const mf_scale_t *scale,
    void *restrict scratch /* uint32 [2 kh part + 8], int16 [height, pitch], 2 more */) {
  uint32_t *panel = (uint32_t *)scratch;
  const int32_t *tail = (const int32_t *)(panel + 2 * band->kh * band->part);
  int16_t *rows = (int16_t *)(panel + 2 * band->kh * band->part + MF_PANEL_TAIL);
  const int32_t ow = band->ow, two = 2 * band->stride_w * band->c;
  for (int32_t first = 0; first < oh; first += band->rows) {
    const int32_t count = oh - first < band->rows ? oh - first : band->rows;
    mf_band_spread(band, x, rows, first, count);
    for (int32_t column = 0; column < n; column += 4) {
      const int32_t width = mf_tile_width(n, column);
      mf_band_panel(band, weight, mult, add, panel, column, n);
      int8_t *to = y + first * ow * n + column;
      for (int32_t oy = 0; oy < count; oy++) {
        const int16_t *cell = rows + oy * band->stride_h * band->pitch;
        const int16_t *const end = cell + ((ow + 1) >> 1) * two; /* spares a count in memory */
        for (; cell != end; cell += two) {
          int32_t sums[8];
          mf_band_dot(band, cell, panel, !scale->wide, sums);
          for (int32_t i = 0; i < 8; i++) {
            sums[i] = mf_finished(scale, sums[i], tail + 2 * (i & 3), lut);
          }
          const int32_t there = (ow & 1) == 0 || cell + two != end ? 2 : 1;
          mf_store_2x4(to, n, there, width, sums);
          to += there * n;
        }
      }
    }
  }
}

#endif
