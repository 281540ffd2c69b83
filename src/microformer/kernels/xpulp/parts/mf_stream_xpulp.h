/* SPDX-License-Identifier: Apache-2.0 */
/* Weights streamed from L2 to two buffers in L1, one filled while the cores read the other. */
#ifndef MF_STREAM_XPULP_H
#define MF_STREAM_XPULP_H

#include "mf_cluster.h"

/* Weights on their way from L2 to one of two buffers in L1; or where they lie, if that is L1. */
typedef struct {
  const int32_t *from; /* the next group in L2 */
  int32_t *buffer;     /* [2, group words] */
  int32_t in_l1;
  int32_t turn;
  int32_t number; /* of the copy under way */
} mf_stream_t;

/* Core 0 starts the copy of the next `words` words. */
MF_INLINE void mf_stream_next(mf_stream_t *stream, int32_t words, int32_t group_words) {
  if (!stream->in_l1 && words > 0 && mf_core() == 0) {
    stream->number = mf_copy_rows(
        stream->buffer + (stream->turn & 1) * group_words, stream->from, 4 * words, 1, 0, 0);
  }
}

/* The group that was started last, in L1 for every core; a barrier. */
MF_INLINE const int32_t *mf_stream_take(mf_stream_t *stream, int32_t words, int32_t group_words) {
  const int32_t *group = stream->in_l1 ? stream->from
                                      : stream->buffer + (stream->turn & 1) * group_words;
  if (!stream->in_l1 && mf_core() == 0) {
    mf_copied(stream->number);
  }
  mf_barrier();
  stream->from += words;
  stream->turn++;
  return group;
}

#endif
