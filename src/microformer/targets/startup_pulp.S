/* Start-up of every core of a PULP cluster: a stack of its own, painted; then mf_main(core).
 *
 * Traps come to the first address, the reset to 0x80. What lies in L2 and L1 was loaded by the
 * machine, zeros too. MF_STACK_BYTES is what each core has. */
  .option norvc
  .section .mf_start, "ax"
  .globl mf_start
mf_trap:
  csrr t0, mcause
  lui t1, 0x10202
  sw t0, 4(t1)
1:
  j 1b
  .balign 128
mf_start:
  la t0, mf_trap
  csrw mtvec, t0
  csrr a0, mhartid
  andi a0, a0, 15
  la t0, mf_stack_bottom
  li t1, MF_STACK_BYTES
  mul t2, t1, a0
  add t0, t0, t2          /* the lowest byte of this core's stack */
  add sp, t0, t1
  li t2, 0xA5A5A5A5
2:
  sw t2, 0(t0)
  addi t0, t0, 4
  bltu t0, sp, 2b
  call mf_main
3:
  j 3b
