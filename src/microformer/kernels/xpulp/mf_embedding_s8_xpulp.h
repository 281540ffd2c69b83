/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of a table by index, equation (12); an index outside the table takes the nearest row. */
#ifndef MF_EMBEDDING_S8_XPULP_H
#define MF_EMBEDDING_S8_XPULP_H

#include "mf_move_xpulp.h"

static inline void mf_embedding_s8_xpulp(
    const int32_t *restrict index, /* [rows] */
    const int8_t *restrict table,  /* [vocabulary, width]; in L2 each row is one transfer to y */
    int8_t *restrict y,            /* [rows, width] */
    int32_t rows, int32_t vocabulary, int32_t width) {
  const int32_t in_l1 = mf_is_in_l1(table);
  const mf_share_t share = mf_share(rows);
  int32_t number = 0;
  for (int32_t row = share.begin; row < share.end; row++) {
    const int8_t *const from = table + mf_max(0, mf_min(index[row], vocabulary - 1)) * width;
    if (in_l1) {
      mf_move(from, y + row * width, width);
    } else {
      number = mf_copy_rows(y + row * width, from, width, 1, 0, 0);
    }
  }
  if (!in_l1 && share.begin < share.end) {
    mf_copied(number); /* transfers are done in order */
  }
}

#endif
