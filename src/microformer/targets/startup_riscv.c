/* Start-up of a RISC-V microcontroller for measuring: reset, traps.
 *
 * The symbols come from bare_metal.ld.in. Every loop goes through a volatile pointer, so that the
 * compiler does not turn it into a call of memcpy or memset, whose own frame would lie in the
 * very stack that is being painted. */
#include <stdint.h>

/* What an untouched word of the stack holds; the runner looks for the lowest word changed. */
#define STACK_PAINT 0xA5A5A5A5u

extern const uint32_t mf_data_load[];
extern uint32_t mf_data_start[], mf_data_end[];
extern const uint32_t mf_weights_load[];
extern uint32_t mf_weights_start[], mf_weights_end[];
extern uint32_t mf_bss_start[], mf_bss_end[];
extern uint32_t mf_stack_bottom[], mf_stack_top[];

int main(void);
void Reset_Handler(void);
void mf_trap(void);
void mf_start(void);

/* The first instructions: a stack, and where traps go. No global pointer: nothing is relaxed. */
__attribute__((naked, section(".vectors"), used)) void Reset_Handler(void) {
  __asm volatile(
      "la sp, mf_stack_top\n\t"
      "la t0, mf_trap\n\t"
      "csrw mtvec, t0\n\t"
      "j mf_start");
}

/* Stops here on any trap: nothing in a network may raise one. */
__attribute__((aligned(4), used)) void mf_trap(void) {
  for (;;) {
    __asm volatile("ebreak");
  }
}

__attribute__((used)) void mf_start(void) {
  volatile uint32_t *to;
  uint32_t *frame;
  __asm volatile("mv %0, sp" : "=r"(frame));
  for (to = mf_stack_bottom; to < frame; to++) {
    *to = STACK_PAINT; /* from the bottom up to this function's own frame */
  }
  const volatile uint32_t *from = mf_data_load;
  for (to = mf_data_start; to < mf_data_end; to++) {
    *to = *from++;
  }
  from = mf_weights_load; /* where the constants shall lie in a faster memory */
  for (to = mf_weights_start; to < mf_weights_end; to++) {
    *to = *from++;
  }
  for (to = mf_bss_start; to < mf_bss_end; to++) {
    *to = 0;
  }
  (void)main();
  mf_trap(); /* main never returns */
}
