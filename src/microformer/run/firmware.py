"""What the emulator needs to know of an ELF: its bytes, its symbols, its functions."""

import bisect
from dataclasses import dataclass
from pathlib import Path

from elftools.common.exceptions import ELFError
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from microformer.errors import ToolError


@dataclass(frozen=True)
class Function:
    """A function of the program: ``begin`` and ``end`` are addresses, without the Thumb bit."""

    name: str
    begin: int
    end: int


class Firmware:
    """A linked program, read once.

    ``segments`` are (load address, bytes): where they lie before start-up, so initialised data
    are in flash and start-up has to copy them.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.riscv = False
        self.segments: list[tuple[int, bytes]] = []
        self.symbols: dict[str, int] = {}
        functions: list[Function] = []
        try:
            with path.open("rb") as file:
                elf = ELFFile(file)
                self.riscv = elf["e_machine"] == "EM_RISCV"
                for segment in elf.iter_segments("PT_LOAD"):
                    if segment["p_filesz"]:
                        self.segments.append((int(segment["p_paddr"]), bytes(segment.data())))
                table = elf.get_section_by_name(".symtab")
                if not isinstance(table, SymbolTableSection):
                    raise ELFError("it has no table of symbols")
                for symbol in table.iter_symbols():
                    value, kind = int(symbol["st_value"]), symbol["st_info"]["type"]
                    if kind == "STT_FUNC":
                        value &= ~1  # bit 0 says Thumb
                        functions.append(
                            Function(symbol.name, value, value + int(symbol["st_size"]))
                        )
                    self.symbols[symbol.name] = value
        except (OSError, ELFError) as error:
            raise ToolError(
                f"'{path}' is not a program of ours ({error}); build it again."
            ) from None
        self.functions = {f.name: f for f in functions}
        self._sorted = sorted(functions, key=lambda f: f.begin)
        self._begins = [f.begin for f in self._sorted]

    def address(self, name: str) -> int:
        """Address of a symbol; ToolError if the program has no such symbol."""
        if name not in self.symbols:
            raise ToolError(f"'{self.path}' has no symbol '{name}'; build it again.")
        return self.symbols[name]

    def function_at(self, address: int) -> str:
        """Name of the function that holds ``address``, "no function" if none does."""
        index = bisect.bisect_right(self._begins, address) - 1
        if index >= 0 and address < self._sorted[index].end:
            return self._sorted[index].name
        return "no function"

    def code(self, address: int, size: int) -> bytes:
        """At most ``size`` bytes of the program at a load address, fewer at a segment's end."""
        for begin, data in self.segments:
            if begin <= address < begin + len(data):
                return data[address - begin : address - begin + size]
        raise ToolError(f"There is no code at {address:#010x} in '{self.path}'.")
