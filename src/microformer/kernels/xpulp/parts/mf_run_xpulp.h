/* SPDX-License-Identifier: Apache-2.0 */
/* Tiles of a matrix product one behind the other, from their first load to their last store in one
 * piece of assembler: nothing between them but three pointers stepped. */
#ifndef MF_RUN_XPULP_H
#define MF_RUN_XPULP_H

#include "mf_run_asm_xpulp.h"

#if !MF_XPULP
/* The tiles one by one; AFTER uses the sums s of the tile and where its results begin, y. */
#define MF_RUN_TILES(TILE, AFTER)                                                                    \
  for (int32_t tile = 0; tile < run->count; tile++) {                                          \
    int32_t s[16];                                                                             \
    int8_t *y = run->y + tile * run->y_step;                                                   \
    const int32_t *constants =                                                                 \
        TILE((const void *)(run->rows + tile * run->row_step), run->stride,                    \
             run->columns + tile * run->column_step, run->words, s);                           \
    AFTER                                                                                      \
  }
MF_INLINE void mf_store_words(int8_t *y, int32_t pitch, const int32_t words[4]) {
  for (int32_t i = 0; i < 4; i++) {
    __builtin_memcpy(y + i * pitch, &words[i], 4);
  }
}
#define MF_RUN_REQUANTIZED(THEN, PACKED, TABLE, I, J)                                          \
  int32_t out[4];                                                                              \
  MF_RUN_TILES(mf_tile_4x4, MF_REQUANTIZE(TABLE, I, J) mf_store_words(y, run->pitch, out);)
#endif

/* y by rows: of each of a tile's rows a word of four columns. */
MF_PHASE void mf_run_rows(const mf_run_t *run, int32_t shift) {
  const int8_t *const none = NULL;
  (void)none;
  MF_RUN_REQUANTIZED("", MF_RUN_BY_ROWS, none, 4, 1);
}

/* The same with a LUT behind; `lut` is that of -128 to 127 at its entry for 0. */
MF_PHASE void mf_run_rows_table(const mf_run_t *run, int32_t shift, const int8_t *lut) {
  MF_RUN_REQUANTIZED(MF_RUN_TABLE, MF_RUN_BY_ROWS, lut, 4, 1);
}

/* y by columns: of each of a tile's columns a word of four rows. */
MF_PHASE void mf_run_columns(const mf_run_t *run, int32_t shift) {
  const int8_t *const none = NULL;
  (void)none;
  MF_RUN_REQUANTIZED("", MF_RUN_BY_COLUMNS, none, 1, 4);
}

/* y: the sums themselves, a tile's rows of four `pitch` bytes apart. */
MF_INLINE void mf_run_sums(const mf_run_t *run) {
#if MF_XPULP
  MF_RUN_LOCALS(0, 4 * run->pitch)
  const int32_t after = pitch - 12;
  MF_RUN_TILES(MF_I_DOT, MF_I_SDOT, MF_RUN_SUMS, [pitch] "m"(after));
#else
  MF_RUN_TILES(mf_tile_4x4, (void)constants; for (int32_t i = 0; i < 4; i++) {
    __builtin_memcpy(y + i * run->pitch, s + 4 * i, 16);
  })
#endif
}

/* How (3c) turns a row's sums into its context; the zero point is within 2^30. */
typedef struct {
  int32_t right[4];
  int32_t factor[4];
  int32_t shift;
  int32_t round;
  int32_t zero;
} mf_normal_t;

/* Rows of probabilities (unsigned) times panels of values, normalised; y by rows. */
MF_INLINE void mf_run_context(const mf_run_t *run, const mf_normal_t *by) {
#if MF_XPULP
  MF_RUN_LOCALS(0, 4 * run->pitch)
#define MF_RUN_NORMAL(MOVED)                                                                   \
  MF_RUN_TILES(MF_I_DOTUS, MF_I_SDOTUS, MF_RUN_CONTEXT(MOVED), [pitch] "m"(pitch),             \
               [shift] "m"(by->shift), [round] "m"(by->round), [zero] "m"(by->zero),           \
               [right0] "m"(by->right[0]), [right1] "m"(by->right[1]),                         \
               [right2] "m"(by->right[2]), [right3] "m"(by->right[3]),                         \
               [factor0] "m"(by->factor[0]), [factor1] "m"(by->factor[1]),                     \
               [factor2] "m"(by->factor[2]), [factor3] "m"(by->factor[3]))
  if (by->zero == 0) {
    MF_RUN_NORMAL(MF_RUN_KEPT);
  } else {
    MF_RUN_NORMAL(MF_RUN_MOVED);
  }
#else
  int32_t out[4];
  MF_RUN_TILES(mf_tile_us_4x4, (void)constants; for (int32_t i = 0; i < 16; i++) {
    const int32_t row = i >> 2;
    const int32_t value = ((s[i] >> by->right[row]) * by->factor[row] + by->round) >> by->shift;
    s[i] = mf_clamp8(value + by->zero);
  } for (int32_t i = 0; i < 4; i++) {
    out[i] = mf_pack4(s[4 * i], s[4 * i + 1], s[4 * i + 2], s[4 * i + 3]);
  } mf_store_words(y, run->pitch, out);)
#endif
}

#endif
