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
  return mf_is_near(weight) ? 0 : buffers * group * mf_panel_words(k);
}

#endif
