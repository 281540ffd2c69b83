/* The program around a model on a PULP cluster: core 0 forks every inference to all cores.
 *
 * The machine around the cores (build/machine/main.cpp) puts each sample into mf_harness_in and reads
 * mf_harness_out; mf_harness_order says what to do with it. microformer.build defines the macros, as
 * for harness.c. */
#include <stdint.h>

#include MF_HEADER

#define MF_L1 __attribute__((section(".l1_bss")))
#define MF_L2 __attribute__((section(".l2_bss")))

extern MF_INPUT_TYPE mf_harness_in[MF_INPUT_SIZE];
extern int8_t mf_harness_out[MF_OUTPUT_SIZE];
extern uint8_t mf_harness_arena[MF_ARENA_BYTES];
#if defined(MF_L2_BYTES)
extern uint8_t mf_harness_l2[MF_L2_BYTES];
_Alignas(MF_ARENA_ALIGNMENT) MF_L2 uint8_t mf_harness_l2[MF_L2_BYTES];
#define MF_BUFFERS mf_harness_in, mf_harness_out, mf_harness_arena, mf_harness_l2
#else
#define MF_BUFFERS mf_harness_in, mf_harness_out, mf_harness_arena
#endif

_Alignas(8) MF_INPUT_MEMORY MF_INPUT_TYPE mf_harness_in[MF_INPUT_SIZE];
_Alignas(8) MF_OUTPUT_MEMORY int8_t mf_harness_out[MF_OUTPUT_SIZE];
_Alignas(MF_ARENA_ALIGNMENT) MF_L1 uint8_t mf_harness_arena[MF_ARENA_BYTES];

#include "harness_convert.h"

extern int32_t mf_harness_order[3];
MF_L2 int32_t mf_harness_order[3]; /* 0 run, 1 quantise, 2 dequantise; from where on; how many */

void mf_harness_infer(void);
void mf_harness_convert(void);
void mf_main(int32_t core);

#define MF_TASK 0x1020000Cu
#define MF_BARRIER 0x10200008u
#define MF_HOST 0x10202000u

static int32_t mf_wait(uintptr_t address) {
  int32_t value;
  __asm volatile(".insn i " MF_ELW ", %0, %1, 0" : "=r"(value) : "r"(address) : "memory");
  return value;
}

static void mf_write(uintptr_t address, int32_t value) {
  __asm volatile("" ::: "memory");
  *(volatile int32_t *)address = value;
}

/* One inference, by every core; never inlined, so that it has an address. */
__attribute__((noinline)) void mf_harness_infer(void) {
  MF_RUN(MF_BUFFERS);
}

/* This core's share of a conversion. */
__attribute__((noinline)) void mf_harness_convert(void) {
  int32_t core;
  __asm volatile("csrr %0, mhartid" : "=r"(core));
  const int32_t at = mf_harness_order[1], count = mf_harness_order[2];
  const int32_t share = (count + MF_HARNESS_CORES - 1) / MF_HARNESS_CORES;
  const int32_t begin = share * (core & 15), left = count - begin;
  const int32_t mine = left < share ? left : share;
  if (mine > 0 && mf_harness_order[0] == 1) {
    mf_harness_quantize(at + begin, begin, mine);
  } else if (mine > 0) {
    mf_harness_dequantize(at + begin, begin, mine);
  }
}

void mf_main(int32_t core) {
  for (;;) {
    if (core == 0) {
      mf_write(MF_HOST, 1); /* ready */
      (void)mf_wait(MF_HOST);
      if (*(volatile int32_t *)mf_harness_order != 0) {
        mf_write(MF_TASK, (int32_t)(uintptr_t)&mf_harness_convert);
        mf_harness_convert();
        (void)mf_wait(MF_BARRIER);
        mf_write(MF_HOST, 3);
        continue;
      }
      mf_write(MF_HOST, 2); /* begins */
      mf_write(MF_TASK, (int32_t)(uintptr_t)&mf_harness_infer);
      mf_harness_infer();
      (void)mf_wait(MF_BARRIER);
      mf_write(MF_HOST, 3); /* has ended */
    } else {
      void (*const task)(void) = (void (*)(void))(uintptr_t)mf_wait(MF_TASK);
      task();
      (void)mf_wait(MF_BARRIER);
    }
  }
}
