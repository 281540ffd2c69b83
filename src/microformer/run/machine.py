"""A microcontroller with a board's memories, emulated by unicorn."""

import struct
from typing import Any

import unicorn as unicorn_package

from microformer.errors import ToolError
from microformer.run.architecture import ARM, RISCV, cpu_model
from microformer.run.firmware import Firmware
from microformer.targets import Memory, Target, UnicornRunner

unicorn: Any = unicorn_package  # it says that it is typed and is not

_STACK_NEIGHBOURHOOD = 0x10000  # a fault so close below RAM is the stack's
_ACCESSES = {
    unicorn.UC_MEM_READ_UNMAPPED: "reads",
    unicorn.UC_MEM_WRITE_UNMAPPED: "writes",
    unicorn.UC_MEM_FETCH_UNMAPPED: "jumps to",
    unicorn.UC_MEM_WRITE_PROT: "writes",
    unicorn.UC_MEM_READ_PROT: "reads",
    unicorn.UC_MEM_FETCH_PROT: "jumps to",
}
_PAGE = 4096


class Machine:
    """The core after start-up: Reset_Handler run, at ``mf_harness_done``.

    Only flash (read, execute) and RAM (read, write) exist: any other access is a fault, and
    ``call`` raises ToolError for it with the function, its address and the address accessed.
    """

    def __init__(self, target: Target, firmware: Firmware, limit_seconds: float) -> None:
        assert isinstance(target.runner, UnicornRunner)
        self._target, self._runner = target, target.runner
        self._firmware = firmware
        self._limit_us = max(int(limit_seconds * 1e6), 1)
        self._fault = ""
        self._done = firmware.address("mf_harness_done") & ~1
        self._kind = RISCV if firmware.riscv else ARM
        self._uc = self._powered()
        begin = firmware.address("Reset_Handler")
        if self._kind.vectors:
            stack, begin = struct.unpack("<II", self.read(target.code_memory()[1].origin, 8))
            self._uc.reg_write(self._kind.stack, stack)
        self._execute(begin & ~1, "start-up")
        self._stack_pointer = self._uc.reg_read(self._kind.stack)

    def _powered(self) -> Any:
        target = self._target
        uc = unicorn.Uc(self._kind.arch, self._kind.mode)
        model = cpu_model(self._kind, self._runner.cpu)
        if model is None:
            raise ToolError(f"The emulator unicorn knows no core '{self._runner.cpu}'.")
        uc.ctl_set_cpu_model(model)
        (_, code), (_, data) = target.code_memory(), target.data_memory()
        self._map(uc, code, unicorn.UC_PROT_EXEC)
        self._map(uc, data, unicorn.UC_PROT_WRITE)
        for memory in {target.second_ram(), target.weights_memory()} - {None, data}:
            assert memory is not None
            self._map(uc, memory, unicorn.UC_PROT_WRITE)
        for address, stored in self._firmware.segments:
            uc.mem_write(address, stored)
        uc.hook_add(unicorn.UC_HOOK_MEM_INVALID, self._on_memory_fault)
        uc.hook_add(unicorn.UC_HOOK_INTR, self._on_exception)
        return uc

    def _map(self, uc: Any, memory: Memory, more: int) -> None:
        """Whole pages, which is all that unicorn maps; what is beyond the memory is a fault."""
        end = memory.origin + memory.size_bytes
        first, last = memory.origin // _PAGE * _PAGE, -(-end // _PAGE) * _PAGE
        uc.mem_map(first, last - first, unicorn.UC_PROT_READ | more)
        for begin, behind in ((first, memory.origin), (end, last)):
            if begin < behind:
                kinds = unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE
                uc.hook_add(kinds, self._on_margin, None, begin, behind - 1)

    def _on_margin(self, _uc: Any, _access: int, address: int, size: int, *_rest: Any) -> None:
        self.stop(f"it accesses {size} bytes at {address:#010x}, where no memory is")

    def read(self, address: int, size: int) -> bytes:
        """``size`` bytes of memory."""
        return bytes(self._uc.mem_read(address, size))

    def write(self, address: int, data: bytes) -> None:
        """Put ``data`` into memory."""
        self._uc.mem_write(address, data)

    def call(self, address: int, what: str, *arguments: int) -> None:
        """Run the function at ``address`` until it returns; ``what`` is for messages.

        ``arguments`` are at most four integers.
        """
        for register, value in zip(self._kind.arguments, arguments, strict=False):
            self._uc.reg_write(register, value)
        self._uc.reg_write(self._kind.stack, self._stack_pointer)
        self._uc.reg_write(self._kind.link, self._done | self._kind.thumb)
        self._execute(address, what)

    def hook(self, kind: int, callback: Any, address: int | None = None) -> int:
        """Add a unicorn hook, everywhere or at one address.

        Code translated before is translated anew, else it has no hook.
        """
        span = () if address is None else (None, address, address)
        handle = self._uc.hook_add(kind, callback, *span)
        self._uc.ctl_flush_tb()
        return int(handle)

    def unhook(self, handle: int) -> None:
        """Remove a hook, also from the code translated so far."""
        self._uc.hook_del(handle)
        self._uc.ctl_flush_tb()

    def stop(self, reason: str) -> None:
        """From within a hook: end the call with a ToolError that says ``reason``."""
        self._fault = self._fault or reason
        self._uc.emu_stop()

    def program_counter(self) -> int:
        """Address of the instruction being executed."""
        return int(self._uc.reg_read(self._kind.counter)) & ~1

    def _execute(self, address: int, what: str) -> None:
        self._fault = ""
        refused = ""
        try:
            self._uc.emu_start(address | self._kind.thumb, self._done, timeout=self._limit_us)
        except unicorn.UcError as error:
            refused = str(error)
        pc = self.program_counter()
        if not self._fault and not refused and pc == self._done:
            return
        reason = self._fault or refused or f"it is still there after {self._limit_us / 1e6:g} s"
        name = self._firmware.function_at(pc)
        raise ToolError(
            f"The program stopped at {pc:#010x} in '{name}' ({what}): {reason}; its C sources "
            "were changed, or microformer has a defect: compile again, else report it."
        )

    def _on_memory_fault(
        self, _uc: Any, access: int, address: int, size: int, _value: int, _data: Any
    ) -> bool:
        ram = self._target.data_memory()[1].origin
        verb = _ACCESSES.get(access, "accesses")
        if ram - _STACK_NEIGHBOURHOOD <= address < ram:
            self._fault = f"its stack is too small, it reached {address:#010x} below RAM"
        elif verb == "jumps to":
            self._fault = f"it jumps to {address:#010x}, where no code is"
        else:
            self._fault = f"it {verb} {size} bytes at {address:#010x}, which it may not"
        return False

    def _on_exception(self, uc: Any, number: int, _data: Any) -> None:
        name = self._kind.exceptions.get(number, f"exception {number}")
        self._fault = self._fault or f"it raised {name}"
        uc.emu_stop()
