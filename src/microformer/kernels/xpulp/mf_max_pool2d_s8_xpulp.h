/* SPDX-License-Identifier: Apache-2.0 */
/* Maximum over windows on a cluster, channel-last, sixteen channels at a time; padding never wins. */
#ifndef MF_MAX_POOL2D_S8_XPULP_H
#define MF_MAX_POOL2D_S8_XPULP_H

#include "mf_gather_xpulp.h"
#include "mf_window.h"

/* `count` words, at most 4, of one cell: the largest of four channels each over a window. */
MF_INLINE void mf_max_words(
    const int8_t *x, int8_t *y, const mf_window_t *window, int32_t w, int32_t c, int32_t count) {
  const int32_t least = (int32_t)0x80808080u;
  int32_t most[4] = {least, least, least, least};
  for (int32_t iy = window->top; iy < window->bottom; iy++) {
    const int8_t *cell = x + (iy * w + window->left) * c;
    for (int32_t ix = window->left; ix < window->right; ix++, cell += c) {
      for (int32_t i = 0; i < count; i++) {
        most[i] = mf_max4(most[i], mf_word_at(cell + 4 * i));
      }
    }
  }
  for (int32_t i = 0; i < count; i++) {
    mf_put_word(y + 4 * i, most[i]);
  }
}

/* The largest of one channel, where those are no multiple of four. */
MF_INLINE void mf_max_byte(
    const int8_t *x, int8_t *y, const mf_window_t *window, int32_t w, int32_t c) {
  int32_t most = -128;
  for (int32_t iy = window->top; iy < window->bottom; iy++) {
    const int8_t *cell = x + (iy * w + window->left) * c;
    for (int32_t ix = window->left; ix < window->right; ix++, cell += c) {
      most = mf_max(most, *cell);
    }
  }
  *y = (int8_t)most;
}

static inline void mf_max_pool2d_s8_xpulp(
    const int8_t *restrict x, /* [h, w, c] */
    int8_t *restrict y,       /* [oh, ow, c] */
    int32_t h, int32_t w, int32_t c, int32_t oh, int32_t ow, int32_t kh, int32_t kw,
    int32_t stride_h, int32_t stride_w, int32_t pad_top, int32_t pad_left) {
  const mf_share_t share = mf_share(oh * ow);
  int32_t oy = share.begin / ow, ox = share.begin - oy * ow;
  y += share.begin * c;
  for (int32_t cell = share.begin; cell < share.end; cell++, y += c) {
    const mf_window_t window =
        mf_window(oy * stride_h - pad_top, ox * stride_w - pad_left, kh, kw, h, w);
    int32_t i = 0;
    for (; i + 16 <= c; i += 16) {
      mf_max_words(x + i, y + i, &window, w, c, 4);
    }
    for (; i + 4 <= c; i += 4) {
      mf_max_words(x + i, y + i, &window, w, c, 1);
    }
    for (; i < c; i++) {
      mf_max_byte(x + i, y + i, &window, w, c);
    }
    if (++ox == ow) {
      ox = 0;
      oy++;
    }
  }
}

#endif
