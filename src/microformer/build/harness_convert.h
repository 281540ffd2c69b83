/* What a firmware does with real values around the model, by the emitted header's own functions.
 *
 * A part at a time lies in MF_REAL, for which the arena serves where it is large enough: it holds
 * nothing before and after an inference. So the check costs a board no memory. */
#ifndef MF_HARNESS_CONVERT_H
#define MF_HARNESS_CONVERT_H

#if MF_ARENA_BYTES >= 256
#define MF_REAL ((float *)(void *)mf_harness_arena)
#define MF_REAL_COUNT (MF_ARENA_BYTES / 4)
#else
extern float mf_harness_real[64];
#if !defined(MF_L1)
#define MF_L1
#endif
MF_L1 float mf_harness_real[64];
#define MF_REAL mf_harness_real
#define MF_REAL_COUNT 64
#endif

/* The part's values first .. first + count are those of the input from `at` on. */
void mf_harness_quantize(int32_t at, int32_t first, int32_t count);
void mf_harness_dequantize(int32_t at, int32_t first, int32_t count);

/* The memory clobbers: a machine around the core writes and reads the buffers. */
__attribute__((noinline)) void mf_harness_quantize(int32_t at, int32_t first, int32_t count) {
  __asm volatile("" ::: "memory");
#if defined(MF_PORTS)
  mf_ports_quantize(MF_REAL + first, mf_harness_in + at, at, count);
#elif defined(MF_QUANTIZE)
  MF_QUANTIZE(MF_REAL + first, mf_harness_in + at, count);
#else
  (void)at, (void)first, (void)count;
#endif
  __asm volatile("" ::: "memory");
}

__attribute__((noinline)) void mf_harness_dequantize(int32_t at, int32_t first, int32_t count) {
  __asm volatile("" ::: "memory");
#if defined(MF_PORTS)
  mf_ports_dequantize(mf_harness_out + at, MF_REAL + first, at, count);
#elif defined(MF_DEQUANTIZE)
  MF_DEQUANTIZE(mf_harness_out + at, MF_REAL + first, count);
#else
  (void)at, (void)first, (void)count;
#endif
  __asm volatile("" ::: "memory");
}

#endif
