/* Start-up of a Cortex-M for measuring: vector table, Reset_Handler, fault handler.
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
void Fault_Handler(void);
void SysTick_Handler(void) __attribute__((weak, alias("Fault_Handler")));

/* Stops here on any exception: nothing in a network may raise one. */
void Fault_Handler(void) {
  for (;;) {
    __asm volatile("bkpt 0");
  }
}

void Reset_Handler(void) {
  volatile uint32_t *to;
  uint32_t *frame;
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
  *(volatile uint32_t *)0xE000ED88u |= 0xF00000u; /* CPACR: floats and vectors may be used */
  __asm volatile("dsb\n\tisb");
#endif
#if defined(__ARM_FEATURE_MVE)
  *(volatile uint32_t *)0xE000ED14u |= 1u << 19;  /* CCR.LOB: loops of Armv8.1-M may be cached */
  __asm volatile("dsb\n\tisb");
#endif
  __asm volatile("mov %0, sp" : "=r"(frame));
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
  Fault_Handler(); /* main never returns */
}

/* Initial stack pointer and the fifteen system exceptions of Armv6-M, Armv7-M and Armv8-M. */
__attribute__((section(".vectors"), used)) static void (*const vectors[16])(void) = {
    (void (*)(void))mf_stack_top, /* 0: not a function but the stack's upper end */
    Reset_Handler,                /* 1 */
    Fault_Handler,                /* 2: NMI */
    Fault_Handler,                /* 3: HardFault */
    Fault_Handler,                /* 4: MemManage */
    Fault_Handler,                /* 5: BusFault */
    Fault_Handler,                /* 6: UsageFault */
    Fault_Handler,                /* 7: SecureFault */
    Fault_Handler,                /* 8 */
    Fault_Handler,                /* 9 */
    Fault_Handler,                /* 10 */
    Fault_Handler,                /* 11: SVCall */
    Fault_Handler,                /* 12: DebugMonitor */
    Fault_Handler,                /* 13 */
    Fault_Handler,                /* 14: PendSV */
    SysTick_Handler,              /* 15: a firmware that measures itself has one */
};
