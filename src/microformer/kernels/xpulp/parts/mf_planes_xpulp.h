/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of an image turned from channels in a word to a plane a channel. */
#ifndef MF_PLANES_XPULP_H
#define MF_PLANES_XPULP_H

#include "mf_band_xpulp.h"

typedef struct {
  mf_image_t image;
  int32_t kh, words; /* rows of the kernel, words of one */
  int32_t stride_h, stride_w;
  int32_t rows, cols;     /* outputs of a block, rows an even number */
  int32_t height, length; /* cells of a plane that are staged: rows, fours of columns */
  int32_t pitch, plane;   /* bytes from row to row, from plane to plane */
} mf_planes_t;

/* Blocks of at most 8 x 32 outputs: as many rows as take eight cores the least time, which is about
 * 10 cycles an output and 36 for four cells that are staged. */
MF_INLINE void mf_plan_planes(mf_planes_t *planes, int32_t oh, int32_t ow, int32_t kw) {
  const int32_t cols = ow < 32 ? ow : 32, length = ((cols - 1) * planes->stride_w + kw + 3) >> 2;
  const int32_t beside = (ow + cols - 1) / cols * (planes->image.c >> 2);
  int32_t best = INT32_MAX;
  for (int32_t rows = 8; rows > 0; rows -= 2) {
    const int32_t height = (rows - 1) * planes->stride_h + planes->kh;
    const int32_t turns = ((oh + rows - 1) / rows * beside + 7) >> 3;
    const int32_t cost = turns * (40 * rows * cols + 36 * height * length);
    if (cost < best) {
      best = cost;
      planes->rows = rows, planes->height = height;
    }
  }
  planes->cols = cols, planes->length = length;
  planes->pitch = 4 * ((length + planes->words) | 1);
  planes->plane = planes->height * planes->pitch;
}

/* Four cells of four channels to four words of a channel. */
MF_INLINE void mf_turn(int8_t *to, int32_t plane, int32_t a, int32_t b, int32_t c, int32_t d) {
  const int32_t low = 0x05010400, high = 0x07030602, front = 0x05040100, back = 0x07060302;
  const int32_t ab_low = mf_shuffle4(a, b, low), ab_high = mf_shuffle4(a, b, high);
  const int32_t cd_low = mf_shuffle4(c, d, low), cd_high = mf_shuffle4(c, d, high);
  mf_put_word(to, mf_shuffle4(ab_low, cd_low, front));
  mf_put_word(to + plane, mf_shuffle4(ab_low, cd_low, back));
  mf_put_word(to + 2 * plane, mf_shuffle4(ab_high, cd_high, front));
  mf_put_word(to + 3 * plane, mf_shuffle4(ab_high, cd_high, back));
}

/* The block that begins at cell (top, left) of the image, channels `first` to `first` + 3. */
MF_INLINE void mf_stage_planes(
    const mf_planes_t *planes, int8_t *to, int32_t top, int32_t left, int32_t first) {
  const int32_t h = planes->image.h, w = planes->image.w, c = planes->image.c;
  const int32_t padding = (int32_t)((uint32_t)(planes->image.pad_value & 255) * 0x01010101u);
  const int32_t plane = planes->plane;
  for (int32_t row = 0; row < planes->height; row++, to += planes->pitch) {
    const int32_t iy = top + row, width = iy >= 0 && iy < h ? w : 0; /* no cell of a row outside */
    const int8_t *at = planes->image.x + (iy * w + left) * c + first;
    int8_t *turned = to;
    for (int32_t ix = left; ix < left + 4 * planes->length; ix += 4, at += 4 * c, turned += 4) {
      if (ix >= 0 && ix + 4 <= width) {
        mf_turn(
            turned, plane, mf_word_at(at), mf_word_at(at + c), mf_word_at(at + 2 * c),
            mf_word_at(at + 3 * c));
      } else {
        int32_t word[4];
        for (int32_t j = 0; j < 4; j++) {
          word[j] = ix + j >= 0 && ix + j < width ? mf_word_at(at + j * c) : padding;
        }
        mf_turn(turned, plane, word[0], word[1], word[2], word[3]);
      }
    }
  }
}

#endif
