/* Runs kernels on buffers of exactly the promised sizes, for the sanitizers to watch.
 *
 * Requests come on standard input, little-endian int64: kernel, count of arguments; then for each
 * argument its kind and a number: 0 an integer (the value), 1 a buffer to read (its bytes follow),
 * 2 the output (its size), 3 scratch (its size), 4 NULL. The answer is the output's bytes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  int64_t value;
  void *buffer;
} argument_t;

typedef void (*wrapper_t)(const argument_t *a);

#include "wrappers.h"

static int read_number(int64_t *to) { return fread(to, sizeof *to, 1, stdin) == 1; }

int main(void) {
  int64_t kernel = 0, count = 0;
  while (read_number(&kernel) && read_number(&count)) {
    argument_t arguments[64];
    int64_t output = -1, output_size = 0;
    for (int64_t i = 0; i < count; i++) {
      int64_t kind = 0, number = 0;
      if (!read_number(&kind) || !read_number(&number)) {
        return 2;
      }
      arguments[i].value = number;
      arguments[i].buffer = NULL;
      if (kind == 1 || kind == 2 || kind == 3) {
        arguments[i].buffer = malloc((size_t)number);
        memset(arguments[i].buffer, 0x5A, (size_t)number);
      }
      if (kind == 1 && fread(arguments[i].buffer, 1, (size_t)number, stdin) != (size_t)number) {
        return 2;
      }
      if (kind == 2) {
        output = i;
        output_size = number;
      }
    }
    wrappers[kernel](arguments);
    if (fwrite(arguments[output].buffer, 1, (size_t)output_size, stdout) != (size_t)output_size) {
      return 3;
    }
    fflush(stdout);
    for (int64_t i = 0; i < count; i++) {
      free(arguments[i].buffer);
    }
  }
  return 0;
}
