/* The program around a model on a Cortex-M: static buffers, and a loop for a real board.
 *
 * microformer.build defines MF_HEADER, MF_RUN, MF_INPUT_TYPE, MF_INPUT_SIZE, MF_OUTPUT_SIZE,
 * MF_ARENA_BYTES and MF_ARENA_ALIGNMENT. The emulator starts mf_harness_infer itself, once a
 * sample, with mf_harness_done as its return address. */
#include <stdint.h>

#include MF_HEADER

extern MF_INPUT_TYPE mf_harness_in[MF_INPUT_SIZE];
extern int8_t mf_harness_out[MF_OUTPUT_SIZE];
extern uint8_t mf_harness_arena[MF_ARENA_BYTES];

_Alignas(4) MF_INPUT_TYPE mf_harness_in[MF_INPUT_SIZE];
_Alignas(4) int8_t mf_harness_out[MF_OUTPUT_SIZE];
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

/* One inference; never inlined, so that it has an address. */
__attribute__((noinline)) void mf_harness_infer(void) {
  MF_RUN(MF_BUFFERS);
}

/* Where an inference has ended: a debugger, or the emulator, takes over. */
__attribute__((noinline)) void mf_harness_done(void) { __asm volatile("nop"); }

int main(void) {
  mf_harness_done(); /* start-up is over */
  for (;;) {
    mf_harness_infer();
    mf_harness_done();
  }
}
