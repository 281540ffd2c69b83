/* SPDX-License-Identifier: Apache-2.0 */
/* The part of a pooling window that lies inside the image. */
#ifndef MF_WINDOW_H
#define MF_WINDOW_H

#include "mf_core.h"

/* Rows top .. bottom - 1 and columns left .. right - 1; empty where top == bottom or
 * left == right. */
typedef struct {
  int32_t top;
  int32_t left;
  int32_t bottom;
  int32_t right;
} mf_window_t;

/* The window of kh x kw cells at (top, left), cut to an image of h x w. */
static inline mf_window_t mf_window(
    int32_t top, int32_t left, int32_t kh, int32_t kw, int32_t h, int32_t w) {
  mf_window_t window;
  window.top = top < 0 ? 0 : (top > h ? h : top);
  window.left = left < 0 ? 0 : (left > w ? w : left);
  const int32_t bottom = top + kh;
  const int32_t right = left + kw;
  window.bottom = bottom < window.top ? window.top : (bottom > h ? h : bottom);
  window.right = right < window.left ? window.left : (right > w ? w : right);
  return window;
}

#endif
