/* SPDX-License-Identifier: Apache-2.0 */
/* Range-Doppler map of a window on a cluster: tiles of 64 FFTs, samples and map moved by the DMA.
 *
 * A core takes up to eight FFTs whose levels lie side by side, and begins with another of them than
 * its neighbours, so that eight cores in step read different banks. */
#ifndef MF_RANGE_DOPPLER_S16_XPULP_H
#define MF_RANGE_DOPPLER_S16_XPULP_H

#include "mf_fft_levels_xpulp.h"
#include "mf_move_xpulp.h"

/* What one call works on. */
typedef struct {
  const char *x;
  int8_t *y;
  int32_t sensors, points, step, columns;
  int32_t chunk; /* columns of a tile */
  int32_t words; /* from sweep to sweep in a tile */
} mf_radar_t;

/* Columns of a tile: 64 FFTs at most, and no more than 128 words of a sweep. The same in Python. */
MF_INLINE int32_t mf_radar_chunk(int32_t sensors, int32_t step, int32_t columns) {
  const int32_t by_words = 128 / (sensors * step), by_cells = MF_FFT_LINE / sensors;
  return mf_min(columns, mf_max(1, mf_min(by_words, by_cells)));
}

MF_INLINE int32_t mf_radar_count(const mf_radar_t *job, int32_t tile) {
  return mf_min(job->chunk, job->columns - tile * job->chunk);
}

/* From sensor to sensor in a tile: an odd number of words. */
MF_INLINE int32_t mf_radar_block(const mf_radar_t *job) { return (32 * job->words + 1) * 4; }

/* Core 0 has a tile's samples brought to `to`; the number to wait for. */
MF_INLINE int32_t mf_radar_fetch(const mf_radar_t *job, int32_t tile, char *to) {
  const int32_t width = (mf_radar_count(job, tile) - 1) * job->step + 1;
  int32_t number = 0;
  for (int32_t sensor = 0; sensor < job->sensors; sensor++) {
    const int32_t first = sensor * 32 * job->points + tile * job->chunk * job->step;
    number = mf_copy_rows(
        to + sensor * mf_radar_block(job), job->x + 4 * first, 4 * width, 32, 4 * job->words,
        4 * job->points);
  }
  return number;
}

/* This core's FFTs of a tile whose samples lie at `from`. */
MF_INLINE void mf_radar_tile(
    const mf_radar_t *job, const char *from, int32_t count, int32_t pitch, int32_t block,
    int32_t shifts, int32_t *own, const int8_t *levels, int8_t *lines) {
  const int32_t cells = count * job->sensors;
  const int32_t each = MF_CORES == 1 ? cells : (cells + MF_CORES - 1) / MF_CORES;
  const int32_t begin = mf_core() * each, size = mf_min(each, cells - begin);
  int32_t cell = mf_core() < size ? mf_core() : 0;
#pragma GCC unroll 1
  for (int32_t i = 0; i < size; i++) {
    const uint32_t at = (uint32_t)(begin + cell), of = (uint32_t)job->sensors;
    const uint32_t column = of == 2 ? at >> 1 : at / of, sensor = at - column * of;
    const char *x = from + (int32_t)sensor * block + (int32_t)column * job->step * 4;
    mf_fft_point_xpulp(
        (const int32_t *)(const void *)x, pitch, shifts, own, levels, lines + begin + cell);
    cell = cell + 1 < size ? cell + 1 : 0;
  }
}

/* The levels of a tile to the map. By all cores if that lies in L1, else core 0 has it done: the
 * number to wait for, or `done`. */
MF_INLINE int32_t mf_radar_put(const mf_radar_t *job, int32_t tile, const int8_t *lines, int32_t done) {
  const int32_t width = mf_radar_count(job, tile) * job->sensors;
  const int32_t pitch = job->columns * job->sensors;
  int8_t *const to = job->y + tile * job->chunk * job->sensors;
  if (mf_is_in_l1(job->y)) {
    for (int32_t bin = mf_core(); bin < 32; bin += MF_CORES) {
      mf_move(lines + bin * MF_FFT_LINE, to + bin * pitch, width);
    }
  } else if (mf_core() == 0) {
    return mf_copy_rows(to, lines, width, 32, pitch, MF_FFT_LINE);
  }
  return done;
}

static inline void mf_range_doppler_s16_xpulp(
    const int16_t *restrict x,    /* [sensors, 32, points, 2], in L1 or L2 */
    const int8_t *restrict table, /* [3072] */
    int8_t *restrict y,           /* [32, ceil(points / step), sensors], in L1 or L2 */
    int32_t sensors, int32_t points, int32_t step, int32_t preshift,
    void *scratch /* two tiles of samples, two of levels, the table, each core's own */) {
  const int32_t columns = (int32_t)((uint32_t)(points + step - 1) / (uint32_t)step);
  const int32_t chunk = mf_radar_chunk(sensors, step, columns), far_x = !mf_is_in_l1(x);
  const int32_t words = ((chunk - 1) * step + 2) & ~1;
  const mf_radar_t job = {(const char *)x, y, sensors, points, step, columns, chunk, words};
  const int32_t tiles = (columns + chunk - 1) / chunk;
  const int32_t pitch = far_x ? 4 * words : 4 * points;
  const int32_t block = far_x ? mf_radar_block(&job) : 128 * points;
  const int32_t room = (sensors * block + 7) & ~7;
  int8_t *const levels = (int8_t *)scratch, *const lines = levels + 3072;
  int32_t *const all = (int32_t *)(void *)(lines + 64 * MF_FFT_LINE);
  int32_t *const own = all + mf_core() * MF_FFT_WORDS;
  char *const tile_at = (char *)(all + ((MF_CORES * MF_FFT_WORDS + 1) & ~1));
  mf_fft_own_xpulp(own);
  int32_t number = 0, puts[2] = {0, 0};
  if (mf_core() == 0) {
    puts[0] = puts[1] = number = mf_copy_rows(levels, table, 3072, 1, 0, 0);
    if (far_x) {
      number = mf_radar_fetch(&job, 0, tile_at);
    }
  }
  for (int32_t tile = 0; tile < tiles; tile++) {
    const int32_t even = tile & 1;
    int8_t *const here = lines + even * 32 * MF_FFT_LINE;
    const char *from = (const char *)x + 4 * tile * chunk * step;
    if (far_x) {
      from = tile_at + even * room;
    }
    if (mf_core() == 0) {
      mf_copied(number);
      mf_copied(puts[even]); /* of the tile before the last */
      if (far_x && tile + 1 < tiles) {
        number = mf_radar_fetch(&job, tile + 1, tile_at + (even ^ 1) * room);
      }
    }
    mf_barrier();
    mf_radar_tile(
        &job, from, mf_radar_count(&job, tile), pitch, block, preshift * 0x10001, own,
        levels + MF_LEVEL_ZERO, here);
    mf_barrier();
    puts[even] = mf_radar_put(&job, tile, here, puts[even]);
  }
  if (mf_core() == 0) {
    mf_copied(puts[0]);
    mf_copied(puts[1]);
  }
}

#endif
