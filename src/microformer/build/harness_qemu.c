/* The program around a model in QEMU: samples come from a file, results go to one.
 *
 * Files are opened by semihosting in QEMU's folder: in.bin holds MF_INPUT_SIZE values a sample;
 * out.bin receives MF_OUTPUT_SIZE bytes a sample, then the bytes of stack that were used (uint32).
 * The samples of real.bin (float) come before those of in.bin, and quantized.bin receives what the
 * quantiser makes of them; dequantized.bin receives the outputs as float.
 * microformer.build defines the macros, as for harness.c. */
#include <stdint.h>

#include MF_HEADER

extern MF_INPUT_TYPE mf_harness_in[MF_INPUT_SIZE];
extern int8_t mf_harness_out[MF_OUTPUT_SIZE];
extern uint8_t mf_harness_arena[MF_ARENA_BYTES];
extern const uint32_t mf_stack_bottom[], mf_stack_top[];

_Alignas(8) MF_INPUT_TYPE mf_harness_in[MF_INPUT_SIZE];
_Alignas(8) int8_t mf_harness_out[MF_OUTPUT_SIZE];
_Alignas(MF_ARENA_ALIGNMENT) uint8_t mf_harness_arena[MF_ARENA_BYTES];
#if defined(MF_L2_BYTES) /* a second RAM */
extern uint8_t mf_harness_arena2[MF_L2_BYTES];
_Alignas(MF_ARENA_ALIGNMENT) __attribute__((section(".ram2"))) uint8_t
    mf_harness_arena2[MF_L2_BYTES];
#define MF_BUFFERS mf_harness_in, mf_harness_out, mf_harness_arena, mf_harness_arena2
#else
#define MF_BUFFERS mf_harness_in, mf_harness_out, mf_harness_arena
#endif

#include "harness_convert.h"

void mf_harness_infer(void);
void mf_harness_done(void);
int main(void);

enum { MF_OPEN = 1, MF_CLOSE = 2, MF_WRITE = 5, MF_READ = 6, MF_EXIT = 0x18 };
enum { MF_READ_BINARY = 1, MF_WRITE_BINARY = 5, MF_APPLICATION_EXIT = 0x20026 };

#if defined(__riscv)
/* One semihosting call (RISC-V semihosting): operation in a0, its arguments' address in a1, and
 * three instructions of 32 bits, in one page, that tell it from a breakpoint. */
static intptr_t mf_call(intptr_t operation, const void *arguments) {
  register intptr_t a0 __asm("a0") = operation;
  register const void *a1 __asm("a1") = arguments;
  __asm volatile(
      ".option push\n\t.option norvc\n\t.balign 16\n\t"
      "slli zero, zero, 0x1f\n\tebreak\n\tsrai zero, zero, 7\n\t.option pop"
      : "+r"(a0)
      : "r"(a1)
      : "memory");
  return a0;
}
#else
/* One semihosting call (Arm IHI 0100): operation in r0, its arguments' address in r1. */
static intptr_t mf_call(intptr_t operation, const void *arguments) {
  register intptr_t r0 __asm("r0") = operation;
  register const void *r1 __asm("r1") = arguments;
  __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
  return r0;
}
#endif

static intptr_t mf_open(const char *name, intptr_t length, intptr_t mode) {
  const intptr_t arguments[3] = {(intptr_t)name, mode, length};
  return mf_call(MF_OPEN, arguments);
}

/* The number of bytes that were not transferred. */
static intptr_t mf_transfer(intptr_t operation, intptr_t file, const void *at, intptr_t count) {
  const intptr_t arguments[3] = {file, (intptr_t)at, count};
  return mf_call(operation, arguments);
}

/* One inference; never inlined, so that it has an address. */
__attribute__((noinline)) void mf_harness_infer(void) {
  MF_RUN(MF_BUFFERS);
}

/* Where an inference has ended: counting stops here. */
__attribute__((noinline)) void mf_harness_done(void) { __asm volatile("nop"); }

static uint32_t mf_used_stack(void) {
  const uint32_t *word = mf_stack_bottom;
  while (word < mf_stack_top && *word == 0xA5A5A5A5u) {
    word++;
  }
  return (uint32_t)((uintptr_t)mf_stack_top - (uintptr_t)word);
}

static int32_t mf_part(int32_t begin, int32_t size) {
  return size - begin < MF_REAL_COUNT ? size - begin : MF_REAL_COUNT;
}

/* The next sample in mf_harness_in: 0, or 1 at the end. */
static int32_t mf_sample(intptr_t in, intptr_t real, intptr_t quantized) {
  for (int32_t at = 0, count; at < MF_INPUT_SIZE; at += count) {
    count = mf_part(at, MF_INPUT_SIZE);
    if (mf_transfer(MF_READ, real, MF_REAL, 4 * count) != 0) {
      return mf_transfer(MF_READ, in, mf_harness_in, sizeof mf_harness_in) != 0;
    }
    mf_harness_quantize(at, 0, count);
  }
  return mf_transfer(MF_WRITE, quantized, mf_harness_in, sizeof mf_harness_in) != 0;
}

static void mf_dequantized(intptr_t file) {
  for (int32_t at = 0, count; at < MF_OUTPUT_SIZE; at += count) {
    count = mf_part(at, MF_OUTPUT_SIZE);
    mf_harness_dequantize(at, 0, count);
    (void)mf_transfer(MF_WRITE, file, MF_REAL, 4 * count);
  }
}

int main(void) {
  const intptr_t in = mf_open("in.bin", 6, MF_READ_BINARY);
  const intptr_t real = mf_open("real.bin", 8, MF_READ_BINARY);
  const intptr_t quantized = mf_open("quantized.bin", 13, MF_WRITE_BINARY);
  const intptr_t dequantized = mf_open("dequantized.bin", 15, MF_WRITE_BINARY);
  const intptr_t out = mf_open("out.bin", 7, MF_WRITE_BINARY);
  uint8_t fill = 0x55;
  while (mf_sample(in, real, quantized) == 0) {
    volatile uint8_t *const arena = mf_harness_arena;
    for (uint32_t i = 0; i < sizeof mf_harness_arena; i++) {
      arena[i] = fill; /* what it holds before a sample must not matter */
    }
    fill = (uint8_t)~fill;
    mf_harness_infer();
    mf_harness_done();
    mf_dequantized(dequantized);
    (void)mf_transfer(MF_WRITE, out, mf_harness_out, sizeof mf_harness_out);
  }
  const uint32_t used = mf_used_stack();
  (void)mf_transfer(MF_WRITE, out, &used, sizeof used);
  (void)mf_call(MF_CLOSE, &out);
  (void)mf_call(MF_CLOSE, &dequantized);
  (void)mf_call(MF_CLOSE, &quantized);
  (void)mf_call(MF_EXIT, (const void *)MF_APPLICATION_EXIT);
  for (;;) {
  }
}
