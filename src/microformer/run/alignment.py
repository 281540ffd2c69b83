"""The check that the emulator does not make: every access is one that the core can make."""

from typing import Any

import capstone
import unicorn
from capstone import arm
from unicorn import arm_const

from microformer.run.firmware import Firmware
from microformer.run.machine import Machine

_WORD_ALIGNED = ("ldm", "stm", "ldrd", "strd", "ldrex", "strex")
_REGISTERS = {
    **{getattr(arm, f"ARM_REG_R{i}"): getattr(arm_const, f"UC_ARM_REG_R{i}") for i in range(13)},
    arm.ARM_REG_SP: arm_const.UC_ARM_REG_SP,
    arm.ARM_REG_LR: arm_const.UC_ARM_REG_LR,
}


class AlignmentCheck:
    """Watches a machine's loads and stores and stops it at one that would fault.

    Armv6-M, RISC-V and other cores without unaligned access: each access must be a multiple of
    its size.
    Armv7-M, Armv8-M: single loads and stores may be unaligned, those of several registers must be
    word-aligned (Armv7-M ARM A3.2.1). unicorn lets all of them pass.

    The first kind is watched by a hook on memory. On the second kind such a hook would spoil the
    program: unicorn 2.1 forgets the rest of an IT block after a hooked load in it (Armv6-M has no
    IT blocks). There the instructions in question are looked up and watched one by one.
    """

    def __init__(self, machine: Machine, firmware: Firmware, *, unaligned_access: bool) -> None:
        self._machine = machine
        if not unaligned_access:
            machine.hook(unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE, self._on_access)
            return
        self._bases: dict[int, tuple[int, int]] = {}
        decoder = capstone.Cs(
            capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
        )
        decoder.detail = True
        decoder.skipdata = True  # a literal pool may lie in a function
        for function in firmware.functions.values():
            code = firmware.code(function.begin, function.end - function.begin)
            for instruction in decoder.disasm(code, function.begin):
                if instruction.mnemonic.startswith(_WORD_ALIGNED):
                    self._watch(instruction)

    def _watch(self, instruction: Any) -> None:
        memory = next((o for o in instruction.operands if o.type == arm.ARM_OP_MEM), None)
        if memory is not None:
            place = (memory.mem.base, 0 if instruction.post_index else memory.mem.disp)
        else:  # LDM and STM name their base as the first register
            place = (instruction.operands[0].reg, 0)
        if place[0] not in _REGISTERS:
            return  # relative to the program counter: a literal, which the linker aligned
        self._bases[instruction.address] = (_REGISTERS[place[0]], place[1])
        self._machine.hook(unicorn.UC_HOOK_CODE, self._on_instruction, instruction.address)

    def _on_instruction(self, uc: Any, pc: int, _size: int, _data: Any) -> None:
        register, offset = self._bases[pc]
        address = int(uc.reg_read(register)) + offset
        if address % 4:
            self._machine.stop(f"it accesses words at {address:#010x}, which is unaligned")

    def _on_access(
        self, _uc: Any, _access: int, address: int, size: int, _value: int, _data: Any
    ) -> None:
        if address % size:
            self._machine.stop(f"it accesses {size} bytes at {address:#010x}, which is unaligned")
