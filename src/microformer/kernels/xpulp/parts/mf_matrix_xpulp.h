/* SPDX-License-Identifier: Apache-2.0 */
/* Matrix products on a cluster: rows and weights brought to L1, tiles shared by the cores.
 *
 * Weights come as panels of four columns: [words, 4] words, then multiplier and constant of (2) of
 * each column, so that one pointer walks them and one copy brings them; and a word more, so that
 * cores that walk panels side by side meet in no bank. */
#ifndef MF_MATRIX_XPULP_H
#define MF_MATRIX_XPULP_H

#include "mf_few_rows_xpulp.h"
#include "mf_run_xpulp.h"
#include "mf_stream_xpulp.h"
#include "mf_tiles_s16_xpulp.h"

/* Below so many rows all are done one by one: tiles of four would save less than staging costs. */
#define MF_FEW_ROWS 7

/* Words of a row of k bytes, and bytes from row to row: an odd number of words, so that rows below
 * each other lie in different banks. */
MF_INLINE int32_t mf_row_words(int32_t k) { return (k + 3) >> 2; }
MF_INLINE int32_t mf_row_stride(int32_t k) { return 4 * (mf_row_words(k) | 1); }

/* int32 of a panel of four columns of k. */
MF_INLINE int32_t mf_panel_words(int32_t k) { return 4 * mf_row_words(k) + 9; }

/* Panels that are computed between two barriers: enough tiles for all cores, at most 8 KiB. */
MF_INLINE int32_t mf_panel_group(int32_t rows, int32_t k, int32_t n) {
  const int32_t quads = (rows + 3) >> 2, panels = (n + 3) >> 2;
  const int32_t room = 2048 / mf_panel_words(k), wanted = (191 + quads) / quads;
  const int32_t group = wanted < room ? wanted : room;
  return group < 1 ? 1 : group < panels ? group : panels;
}

/* `words` words from one place in L1 to another; both may lie anywhere. */
MF_INLINE void mf_copy_words(const int8_t *from, int8_t *to, int32_t words) {
#if MF_XPULP
  int32_t w0, w1, pairs = words >> 1;
  if (pairs > 0) {
    __asm volatile(MF_NORVC MF_LOOP("%[pairs]", 4) MF_LW_POST("%[w0]", "%[from]", "4")
                   MF_LW_POST("%[w1]", "%[from]", "4") MF_SW_POST("%[w0]", "%[to]", "4")
                   MF_SW_POST("%[w1]", "%[to]", "4") MF_RVC
                   : [w0] "=&r"(w0), [w1] "=&r"(w1), [from] "+r"(from), [to] "+r"(to)
                   : [pairs] "r"(pairs)
                   : "memory");
  }
  if (words & 1) {
    __builtin_memcpy(to, from, 4);
  }
#else
  __builtin_memcpy(to, from, (size_t)(4 * words));
#endif
}

/* x [rows, k] to rows of mf_row_stride(k) bytes, the last one repeated to a multiple of four. */
MF_PHASE void mf_stage_rows(const int8_t *x, int8_t *to, int32_t rows, int32_t k) {
  const int32_t stride = mf_row_stride(k);
  const mf_share_t share = mf_share((rows + 3) & ~3);
  for (int32_t row = share.begin; row < share.end; row++) {
    const int8_t *from = x + (row < rows ? row : rows - 1) * k;
    int8_t *at = to + row * stride;
    mf_copy_words(from, at, k >> 2);
    for (int32_t i = k & ~3; i < k; i++) {
      at[i] = from[i];
    }
  }
}

/* A run of tiles whose results are all there. */
MF_INLINE void mf_run_whole(const mf_run_t *run, int32_t shift, const int8_t *lut) {
  if (run->count <= 0) {
    return;
  }
  if (lut != NULL) {
    mf_run_rows_table(run, shift, lut + 128);
  } else {
    mf_run_rows(run, shift);
  }
}

/* One tile of which `below` rows and `beside` columns are there; `run` is changed. */
MF_INLINE void mf_run_edge(
    mf_run_t *run, int32_t shift, const int8_t *lut, int32_t below, int32_t beside) {
  int32_t words[4];
  const int32_t pitch = run->pitch;
  int8_t *to = run->y;
  run->y = (int8_t *)words, run->pitch = 4, run->count = 1;
  mf_run_whole(run, shift, lut);
  run->pitch = pitch;
  for (int32_t i = 0; i < 4 && i < below; i++, to += pitch) {
    for (int32_t j = 0; j < 4 && j < beside; j++) {
      to[j] = ((const int8_t *)&words[i])[j];
    }
  }
}

/* y [rows, pitch] from staged rows and `panels` panels; `width` columns in all of them.
 *
 * Tiles go down a panel, or along a row of tiles where those are fewer, so that runs are long. */
MF_PHASE void mf_panels_to_rows(
    const int8_t *x, const int32_t *panels, const int8_t *lut, int8_t *y, int32_t rows,
    int32_t words, int32_t count, int32_t width, int32_t pitch, int32_t shift) {
  const int32_t quads = (rows + 3) >> 2, stride = 4 * (words | 1), size = 4 * words + 9;
  const int32_t down = quads >= count, length = down ? quads : count;
  const mf_tiles_t part = mf_share_lines(down ? count : quads, length);
  int32_t line = part.line, at = part.at;
  mf_run_t run = {x, stride, down ? 4 * stride : 0, panels, down ? 0 : size, words, y, pitch,
                  down ? 4 * pitch : 4, 0};
  for (int32_t left = part.count; left > 0; line++, at = 0) {
    const int32_t end = at + left < length ? at + left : length;
    left -= end - at;
    while (at < end) {
      const int32_t quad = down ? at : line, panel = down ? line : at;
      const int32_t below = rows - 4 * quad, beside = width - 4 * panel;
      const int32_t whole = ((down ? below : beside) >> 2);
      run.rows = x + 4 * quad * stride;
      run.columns = panels + panel * size;
      run.y = y + (4 * quad * pitch + 4 * panel);
      run.count = (down ? beside : below) < 4 ? 0 : whole < end - at ? whole : end - at;
      if (run.count > 0) {
        mf_run_whole(&run, shift, lut);
        at += run.count;
      } else {
        mf_run_edge(&run, shift, lut, below, beside);
        at++;
      }
    }
  }
}

/* y = x w, weights streamed: a first group, brought while x is staged, then groups three times as
 * large, as fewer barriers cost less. `scratch` holds two such groups. y is int8, or int16 if
 * `is_s16`; then there is no lut. Rows behind the last four of int8 are done one by one. */
MF_INLINE void mf_matrix_xpulp(
    const int8_t *x, const int32_t *weight, const int8_t *lut, void *y, int32_t is_s16,
    int32_t rows, int32_t k, int32_t n, int32_t shift, int32_t *scratch, int8_t *staged) {
  const int32_t size = mf_panel_words(k), panels = (n + 3) >> 2, words = mf_row_words(k);
  const int32_t group = mf_panel_group(rows, k, n), first = (group + 2) / 3;
  const int32_t whole = is_s16 ? rows : rows < MF_FEW_ROWS ? 0 : rows & ~3;
  mf_stream_t stream = {weight, scratch, mf_is_in_l1(weight), 0, 0};
  mf_stream_next(&stream, first * size, group * size);
  if (whole > 0) {
    mf_stage_rows(x, staged, whole, k);
  }
  for (int32_t panel = 0, count = first; panel < panels;) {
    const int32_t *at = mf_stream_take(&stream, count * size, group * size);
    const int32_t left = panels - panel - count, after = left < group ? left : group;
    mf_stream_next(&stream, after * size, group * size);
    void *const to = (int8_t *)y + (is_s16 ? 8 : 4) * panel;
    if (is_s16) {
      mf_panels_to_rows_s16(staged, at, to, rows, words, count, n - 4 * panel, n, shift);
    } else {
      if (whole > 0) {
        mf_panels_to_rows(staged, at, lut, to, whole, words, count, n - 4 * panel, n, shift);
      }
      if (whole < rows) {
        mf_panels_to_few(
            x + whole * k, at, lut, (int8_t *)to + whole * n, rows - whole, k, count,
            n - 4 * panel, n, shift);
      }
    }
    panel += count, count = after;
  }
}

#endif
