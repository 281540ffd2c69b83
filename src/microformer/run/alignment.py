"""The check that the emulator does not make: every access is one that the core can make."""

from typing import Any

import capstone
import unicorn

from microformer.run.firmware import Firmware
from microformer.run.machine import Machine

_WORD_ALIGNED = ("ldm", "stm", "push", "pop", "ldrd", "strd", "ldrex", "strex")


class AlignmentCheck:
    """Looks at every load and store of a machine and stops it at one that would fault.

    Armv6-M and cores without unaligned access: each access must be a multiple of its size.
    Armv7-M, Armv8-M: single loads and stores may be unaligned, those of several registers must be
    word-aligned (Armv7-M ARM A3.2.1). unicorn lets all of them pass.
    """

    def __init__(self, machine: Machine, firmware: Firmware, *, unaligned_access: bool) -> None:
        self._machine = machine
        self._firmware = firmware
        self._unaligned_access = unaligned_access
        self._allowed: dict[int, bool] = {}
        self._decoder = capstone.Cs(
            capstone.CS_ARCH_ARM, capstone.CS_MODE_THUMB | capstone.CS_MODE_MCLASS
        )
        machine.hook(unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE, self._on_access)

    def _on_access(
        self, _uc: Any, _access: int, address: int, size: int, _value: int, _data: Any
    ) -> None:
        if address % size == 0:
            return
        pc = self._machine.program_counter()
        if pc not in self._allowed:
            self._allowed[pc] = self._unaligned_access and not self._needs_words(pc)
        if not self._allowed[pc]:
            self._machine.stop(f"it accesses {size} bytes at {address:#010x}, which is unaligned")

    def _needs_words(self, pc: int) -> bool:
        code = self._firmware.code(pc, 4)
        name = next((i.mnemonic for i in self._decoder.disasm(code, pc, 1)), "")
        return name.startswith(_WORD_ALIGNED)
