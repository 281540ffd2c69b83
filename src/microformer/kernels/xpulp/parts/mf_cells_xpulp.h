/* SPDX-License-Identifier: Apache-2.0 */
/* Cells of a convolution as rows of a matrix product on a cluster. */
#ifndef MF_CELLS_XPULP_H
#define MF_CELLS_XPULP_H

#include "mf_gather_xpulp.h"

/* Where the cells of an output map see the image. */
typedef struct {
  mf_image_t image;
  int32_t ow, kh, kw, stride_h, stride_w, pad_top, pad_left, dilation_h, dilation_w;
} mf_conv_t;

/* Cells 4 quad .. 4 quad + 3 to rows of `stride` bytes; beyond the last cell, that again. */
MF_INLINE void mf_gather_quad(
    const mf_conv_t *conv, int8_t *to, int32_t quad, int32_t cells, int32_t stride) {
  const mf_image_t image = conv->image;
  const int32_t most = cells - 4 * quad;
  int32_t oy = 4 * quad / conv->ow, ox = 4 * quad - oy * conv->ow;
  for (int32_t i = 0; i < 4; i++, to += stride) {
    mf_gather_patch(
        &image, to, conv->kh, conv->kw, oy * conv->stride_h - conv->pad_top,
        ox * conv->stride_w - conv->pad_left, conv->dilation_h, conv->dilation_w);
    if (i + 1 < most && ++ox == conv->ow) {
      ox = 0;
      oy++;
    }
  }
}

#endif
