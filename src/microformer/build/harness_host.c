/* The program around a model for a build with sanitizers: samples in, outputs out.
 *
 * Reads samples of MF_INPUT_SIZE values from standard input until it ends and writes
 * MF_OUTPUT_SIZE bytes for each to standard output. Every buffer is a block of the heap of
 * exactly the promised size, so that AddressSanitizer sees the first byte beyond it. */
#define _POSIX_C_SOURCE 200112L /* posix_memalign */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include MF_HEADER

#if defined(MF_L2_BYTES) /* what a cluster has in L2 */
#define MF_BUFFERS in, out, arena, l2
#else
#define MF_BUFFERS in, out, arena
#define MF_L2_BYTES 1
#endif

int main(void) {
  MF_INPUT_TYPE *in = malloc(MF_INPUT_SIZE * sizeof *in);
  int8_t *out = malloc(MF_OUTPUT_SIZE);
  void *arena = NULL, *l2 = NULL;
  if (in == NULL || out == NULL ||
      posix_memalign(&arena, MF_ARENA_ALIGNMENT, MF_ARENA_BYTES) != 0 ||
      posix_memalign(&l2, MF_ARENA_ALIGNMENT, MF_L2_BYTES) != 0) {
    return 3;
  }
  while (fread(in, sizeof *in, MF_INPUT_SIZE, stdin) == MF_INPUT_SIZE) {
    MF_RUN(MF_BUFFERS);
    if (fwrite(out, 1, MF_OUTPUT_SIZE, stdout) != MF_OUTPUT_SIZE) {
      return 4;
    }
  }
  free(in);
  free(out);
  free(arena);
  free(l2);
  return fflush(stdout) == 0 ? 0 : 4;
}
