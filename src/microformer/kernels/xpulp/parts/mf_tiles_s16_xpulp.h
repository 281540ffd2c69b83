/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles of a matrix product with int16 results: rows staged and panels as of mf_matrix_xpulp.h. */
#ifndef MF_TILES_S16_XPULP_H
#define MF_TILES_S16_XPULP_H

#include "mf_cluster.h"
#include "mf_tile_xpulp.h"

/* y [rows, pitch] from staged rows and `count` panels; `width` columns in all of them. The cores share
 * the tiles, and each stores what is there of one. */
MF_PHASE void mf_panels_to_rows_s16(
    const int8_t *x, const int32_t *panels, int16_t *y, int32_t rows, int32_t words, int32_t count,
    int32_t width, int32_t pitch, int32_t shift) {
  const int32_t quads = (rows + 3) >> 2, stride = 4 * (words | 1), size = 4 * words + 9;
  const mf_tiles_t part = mf_share_lines(count, quads);
  int32_t panel = part.line, quad = part.at;
  for (int32_t left = part.count; left > 0; left--) {
    int32_t s[16];
    const int32_t *constants =
        mf_tile_4x4(x + 4 * quad * stride, stride, panels + panel * size, words, s);
    const int32_t below = rows - 4 * quad, beside = width - 4 * panel;
    int16_t *to = y + (4 * quad * pitch + 4 * panel);
    for (int32_t i = 0; i < 4 && i < below; i++, to += pitch) {
      for (int32_t j = 0; j < 4 && j < beside; j++) {
        to[j] = mf_clamp16((s[4 * i + j] * constants[2 * j] + constants[2 * j + 1]) >> shift);
      }
    }
    quad++;
    if (quad == quads) {
      quad = 0, panel++;
    }
  }
}

#endif
