/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes of an image brought together on a cluster: word by word, wherever they lie. */
#ifndef MF_GATHER_XPULP_H
#define MF_GATHER_XPULP_H

#include "mf_matrix_xpulp.h"
#include "mf_rows_xpulp.h"

/* count bytes. */
MF_INLINE void mf_copy_bytes(const int8_t *from, int8_t *to, int32_t count) {
  if (count >= 24) { /* a loop costs some cycles to begin */
    const int32_t even = count & ~7;
    mf_copy_words(from, to, even >> 2);
    from += even, to += even, count -= even;
  }
  for (; count >= 4; count -= 4, from += 4, to += 4) {
    mf_put_word(to, mf_word_at(from));
  }
  for (; count > 0; count--) {
    *to++ = *from++;
  }
}

/* count bytes of one value. */
MF_INLINE void mf_fill_bytes(int8_t *to, int32_t value, int32_t count) {
  const int32_t word = (int32_t)((uint32_t)(value & 255) * 0x01010101u);
  for (; count >= 4; count -= 4, to += 4) {
    mf_put_word(to, word);
  }
  for (; count > 0; count--) {
    *to++ = (int8_t)value;
  }
}

/* An image [h, w, c] and what lies around it. */
typedef struct {
  const int8_t *x;
  int32_t h, w, c;
  int32_t pad_value;
} mf_image_t;

/* `count` cells of row `iy` from column `left` on, padding included, to `to` [count, c]. */
MF_INLINE void mf_gather_row(
    const mf_image_t *image, int8_t *to, int32_t iy, int32_t left, int32_t count) {
  const int32_t c = image->c;
  if (iy < 0 || iy >= image->h || left >= image->w || left + count <= 0) {
    mf_fill_bytes(to, image->pad_value, count * c);
    return;
  }
  const int32_t first = left < 0 ? -left : 0;
  const int32_t last = left + count > image->w ? image->w - left : count;
  if (first > 0) {
    mf_fill_bytes(to, image->pad_value, first * c);
  }
  mf_copy_bytes(image->x + (iy * image->w + left + first) * c, to + first * c, (last - first) * c);
  if (last < count) {
    mf_fill_bytes(to + last * c, image->pad_value, (count - last) * c);
  }
}

/* The kh x kw cells from (top, left) on, padding included, to `to` [kh kw c]. */
MF_INLINE void mf_gather_patch(
    const mf_image_t *image, int8_t *to, int32_t kh, int32_t kw, int32_t top, int32_t left,
    int32_t dilation_h, int32_t dilation_w) {
  const int32_t beside = dilation_w == 1 ? kw : 1; /* cells that lie side by side */
  const int32_t c = image->c, w = image->w;
  if (dilation_w == 1 && top >= 0 && top + (kh - 1) * dilation_h < image->h && left >= 0 &&
      left + kw <= w) { /* no padding */
    const int8_t *from = image->x + (top * w + left) * c;
    for (int32_t ky = 0; ky < kh; ky++, from += dilation_h * w * c, to += kw * c) {
      mf_copy_bytes(from, to, kw * c);
    }
    return;
  }
  for (int32_t ky = 0; ky < kh; ky++) {
    for (int32_t kx = 0; kx < kw; kx += beside, to += beside * c) {
      mf_gather_row(image, to, top + ky * dilation_h, left + kx * dilation_w, beside);
    }
  }
}

#endif
