/* SPDX-License-Identifier: Apache-2.0 */
/* Panels of weights that stay in L1 while the cores go through all cells of a map. */
#ifndef MF_PANELS_XPULP_H
#define MF_PANELS_XPULP_H

#include "mf_matrix_xpulp.h"

/* Panels that lie in L1 at once: all if they fit 16 KiB, else half as many, for two buffers. */
MF_INLINE int32_t mf_resident_panels(int32_t k, int32_t n) {
  const int32_t room = 4096 / mf_panel_words(k), panels = (n + 3) >> 2;
  return panels <= room ? panels : room < 2 ? 1 : room / 2;
}

/* Words of the buffers that panels are brought to: none if they lie in L1. */
MF_INLINE int32_t mf_resident_words(const int32_t *weight, int32_t k, int32_t n) {
  const int32_t group = mf_resident_panels(k, n), buffers = group < (n + 3) >> 2 ? 2 : 1;
  return mf_is_in_l1(weight) ? 0 : buffers * group * mf_panel_words(k);
}

/* The panels of a layer, as many at a time as lie in L1. */
typedef struct {
  mf_stream_t stream;
  int32_t size, panels, group; /* words of a panel; in all; at once */
  int32_t first, count;        /* of those at `at` */
  const int32_t *at;
} mf_residents_t;

MF_INLINE mf_residents_t mf_residents(
    const int32_t *weight, int32_t *buffers, int32_t k, int32_t n) {
  const int32_t size = mf_panel_words(k), panels = (n + 3) >> 2, group = mf_resident_panels(k, n);
  mf_residents_t made = {
      {weight, buffers, mf_is_in_l1(weight), 0, 0}, size, panels, group, 0, 0, NULL};
  mf_stream_next(&made.stream, group * size, group * size);
  return made;
}

/* False after the last ones; a barrier, and the next ones are on their way. */
MF_INLINE int32_t mf_next_panels(mf_residents_t *of) {
  of->first += of->count;
  const int32_t left = of->panels - of->first, room = of->group * of->size;
  if (left <= 0) {
    return 0;
  }
  of->count = left < of->group ? left : of->group;
  of->at = mf_stream_take(&of->stream, of->count * of->size, room);
  const int32_t after = left - of->count;
  mf_stream_next(&of->stream, (after < of->group ? after : of->group) * of->size, room);
  return 1;
}

#endif
