/* Matrix products on a cluster: rows and weights brought to L1, tiles shared by the cores.
 *
 * Weights come as panels of four columns: [words, 4] words, then the four multipliers and the four
 * constants of (2), so that one pointer walks them and one copy brings them. */
#ifndef MF_MATRIX_XPULP_H
#define MF_MATRIX_XPULP_H

#include "mf_stream_xpulp.h"
#include "mf_tile_xpulp.h"

/* Words of a row of k bytes, and bytes from row to row: an odd number of words, so that rows below
 * each other lie in different banks. */
MF_INLINE int32_t mf_row_words(int32_t k) { return (k + 3) >> 2; }
MF_INLINE int32_t mf_row_stride(int32_t k) { return 4 * (mf_row_words(k) | 1); }

/* int32 of a panel of four columns of k. */
MF_INLINE int32_t mf_panel_words(int32_t k) { return 4 * mf_row_words(k) + 8; }

/* Panels that are computed between two barriers: enough tiles for all cores, at most 8 KiB. */
MF_INLINE int32_t mf_panel_group(int32_t rows, int32_t k, int32_t n) {
  const int32_t quads = (rows + 3) >> 2, panels = (n + 3) >> 2;
  const int32_t room = 2048 / mf_panel_words(k), wanted = (63 + quads) / quads;
  const int32_t group = wanted < room ? wanted : room;
  return group < 1 ? 1 : group < panels ? group : panels;
}

/* x [rows, k] to rows of mf_row_stride(k) bytes, the last one repeated to a multiple of four. */
MF_PHASE void mf_stage_rows(const int8_t *x, int8_t *to, int32_t rows, int32_t k) {
  const int32_t stride = mf_row_stride(k);
  const mf_share_t share = mf_share((rows + 3) & ~3);
  for (int32_t row = share.begin; row < share.end; row++) {
    const int8_t *from = x + (row < rows ? row : rows - 1) * k;
    int8_t *at = to + row * stride;
    int32_t i = 0;
    if (((uintptr_t)from & 3u) == 0) {
      for (; i + 4 <= k; i += 4) {
        *(int32_t *)(void *)(at + i) = *(const int32_t *)(const void *)(from + i);
      }
    }
    for (; i < k; i++) {
      at[i] = from[i];
    }
  }
}

/* Four requantised sums of one row to y; `width` of them. */
MF_INLINE void mf_store_row(
    int8_t *y, const int32_t s[4], const int32_t *mult, int32_t shift, int32_t width,
    const int8_t *table, int32_t aligned) {
  int32_t v[4];
  for (int32_t j = 0; j < 4; j++) {
    v[j] = mf_quantized(s[j], mult[j], mult[4 + j], shift);
    v[j] = table != NULL ? table[v[j] + 128] : v[j];
  }
  if (aligned && width >= 4) {
    *(int32_t *)(void *)y = mf_pack4(v[0], v[1], v[2], v[3]);
  } else {
    for (int32_t j = 0; j < 4 && j < width; j++) {
      y[j] = (int8_t)v[j];
    }
  }
}

/* A whole tile without a table, word by word. */
MF_INLINE void mf_store_tile(
    int8_t *y, int32_t pitch, const int32_t s[16], const int32_t *mult, int32_t shift) {
  const int32_t m0 = mult[0], m1 = mult[1], m2 = mult[2], m3 = mult[3];
  const int32_t a0 = mult[4], a1 = mult[5], a2 = mult[6], a3 = mult[7];
#pragma GCC unroll 4
  for (int32_t i = 0; i < 16; i += 4, y += pitch) {
    *(int32_t *)(void *)y = mf_pack4(
        mf_quantized(s[i], m0, a0, shift), mf_quantized(s[i + 1], m1, a1, shift),
        mf_quantized(s[i + 2], m2, a2, shift), mf_quantized(s[i + 3], m3, a3, shift));
  }
}

/* y [rows, pitch] from staged rows and `panels` panels; `width` columns in all of them. */
MF_PHASE void mf_panels_to_rows(
    const int8_t *x, const int32_t *panels, const int8_t *table, int8_t *y, int32_t rows,
    int32_t words, int32_t count, int32_t width, int32_t pitch, int32_t shift) {
  const int32_t quads = (rows + 3) >> 2, stride = 4 * (words | 1), size = 4 * words + 8;
  const int32_t aligned = ((pitch | (int32_t)(uintptr_t)y) & 3) == 0;
  const mf_share_t share = mf_share(quads * count);
  int32_t panel = share.begin / quads, quad = share.begin % quads;
  for (int32_t left = share.end - share.begin; left > 0; left--) {
    int32_t s[16];
    const int32_t *mult =
        mf_tile_4x4(x + 4 * quad * stride, stride, panels + panel * size, words, s);
    int8_t *to = y + 4 * quad * pitch + 4 * panel;
    const int32_t whole = aligned && table == NULL && 4 * quad + 4 <= rows && 4 * panel + 4 <= width;
    if (whole) {
      mf_store_tile(to, pitch, s, mult, shift);
    }
    for (int32_t i = 0; !whole && i < 4 && 4 * quad + i < rows; i++, to += pitch) {
      mf_store_row(to, s + 4 * i, mult, shift, width - 4 * panel, table, aligned);
    }
    if (++quad == quads) {
      quad = 0;
      panel++;
    }
  }
}

/* y = x w: x staged, weights streamed. `scratch` holds two groups of panels. */
MF_INLINE void mf_matrix_xpulp(
    const int8_t *x, const int32_t *weight, const int8_t *table, int8_t *y, int32_t rows, int32_t k,
    int32_t n, int32_t shift, int32_t *scratch) {
  const int32_t size = mf_panel_words(k), panels = (n + 3) >> 2;
  const int32_t group = mf_panel_group(rows, k, n);
  mf_stream_t stream = {weight, scratch, mf_is_near(weight), 0, 0};
  mf_stream_next(&stream, group * size, group * size);
  for (int32_t panel = 0; panel < panels; panel += group) {
    const int32_t count = panels - panel < group ? panels - panel : group;
    const int32_t *at = mf_stream_take(&stream, count * size, group * size);
    const int32_t after = panels - panel - count < group ? panels - panel - count : group;
    mf_stream_next(&stream, after * size, group * size);
    mf_panels_to_rows(
        x, at, table, y + 4 * panel, rows, mf_row_words(k), count, n - 4 * panel, n, shift);
  }
}

#endif
