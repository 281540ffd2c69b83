/* Matrix products on a cluster: rows and weights brought to L1, tiles shared by the cores.
 *
 * Weights come as panels of four columns: [words, 4] words, then multiplier and constant of (2) of
 * each column, so that one pointer walks them and one copy brings them. */
#ifndef MF_MATRIX_XPULP_H
#define MF_MATRIX_XPULP_H

#include "mf_requantize_xpulp.h"
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
      const int32_t *word = (const int32_t *)(const void *)from;
      int32_t *to_word = (int32_t *)(void *)at;
      for (; i + 16 <= k; i += 16, word += 4, to_word += 4) {
        const int32_t w0 = word[0], w1 = word[1], w2 = word[2], w3 = word[3];
        to_word[0] = w0, to_word[1] = w1, to_word[2] = w2, to_word[3] = w3;
      }
      for (; i + 4 <= k; i += 4) {
        *to_word++ = *word++;
      }
    }
    for (; i < k; i++) {
      at[i] = from[i];
    }
  }
}

/* One tile of y; `below` rows and `beside` columns of it are there. */
MF_INLINE void mf_store_tile(
    int8_t *y, int32_t pitch, const int32_t words[4], int32_t below, int32_t beside) {
  if (((pitch | (int32_t)(uintptr_t)y) & 3) == 0 && below >= 4 && beside >= 4) {
    for (int32_t i = 0; i < 4; i++) {
      *(int32_t *)(void *)(y + i * pitch) = words[i];
    }
    return;
  }
  for (int32_t i = 0; i < 4 && i < below; i++, y += pitch) {
    for (int32_t j = 0; j < 4 && j < beside; j++) {
      y[j] = (int8_t)((uint32_t)words[i] >> (8 * j) & 255u);
    }
  }
}

/* y [rows, pitch] from staged rows and `panels` panels; `width` columns in all of them. */
MF_PHASE void mf_panels_to_rows(
    const int8_t *x, const int32_t *panels, const int8_t *table, int8_t *y, int32_t rows,
    int32_t words, int32_t count, int32_t width, int32_t pitch, int32_t shift) {
  const int32_t quads = (rows + 3) >> 2, stride = 4 * (words | 1), size = 4 * words + 8;
  const mf_share_t share = mf_share(quads * count);
  int32_t panel = share.begin / quads, quad = share.begin % quads;
  for (int32_t left = share.end - share.begin; left > 0; panel++, quad = 0) {
    const int32_t *columns = panels + panel * size;
    const int32_t end = quad + left < quads ? quad + left : quads;
    left -= end - quad;
    for (; quad < end; quad++) {
      int32_t s[16], out[4];
      const int32_t *constants = mf_tile_4x4(x + 4 * quad * stride, stride, columns, words, s);
      if (table != NULL) {
        mf_requantize_rows_table(s, constants, shift, table + 128, out);
      } else {
        mf_requantize_rows(s, constants, shift, out);
      }
      mf_store_tile(
          y + 4 * quad * pitch + 4 * panel, pitch, out, rows - 4 * quad, width - 4 * panel);
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
