"""The weights file: every constant of the program as a const array with a comment."""

from microformer.emit.licence import MODEL, c_line, written
from microformer.emit.names import Names, comment
from microformer.graph.tensor import Array, Tensor

C_TYPES = {"int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "int32": "int32_t"}
_WIDTH = 98


def declaration(tensor: Tensor, symbol: str) -> str:
    """``const int8_t symbol[12]``, without the semicolon."""
    return f"const {C_TYPES[tensor.dtype]} {symbol}[{max(tensor.size, 1)}]"


def literals(data: Array) -> str:
    """Comma separated values, wrapped at 100 columns."""
    texts = [str(v) for v in data.reshape(-1).tolist()] or ["0"]
    if str(data.dtype) == "int32":
        # -2147483648 is not an int literal in C: it would be a long and break -Wconversion
        texts = ["(-2147483647 - 1)" if t == "-2147483648" else t for t in texts]
    per_line = max(1, _WIDTH // (max(map(len, texts)) + 2))
    rows = (texts[i : i + per_line] for i in range(0, len(texts), per_line))
    return ",\n".join("  " + ", ".join(row) for row in rows)


STRING_BYTES = 16384
"""From so many bytes on an array is written as string literals: a compiler reads those 20 times as
fast as numbers (docs/pipeline.md), and nobody reads so many numbers."""

_PER_LINE = 23  # bytes of up to four characters on a line
_CHARACTERS = [
    chr(byte) if 32 <= byte < 127 and chr(byte) not in '"\\?' else f"\\{byte:03o}"
    for byte in range(256)
]
"""A byte in a string literal; three octal digits end there, and ``?`` begins no trigraph."""

_UNTERMINATED = [
    "/* Arrays below are initialised by all bytes of a string but its last zero. */",
    "#if defined(__clang__)",
    '#if __has_warning("-Wunterminated-string-initialization")',
    '#pragma clang diagnostic ignored "-Wunterminated-string-initialization"',
    "#endif",
    "#elif defined(__GNUC__) && __GNUC__ >= 15",
    '#pragma GCC diagnostic ignored "-Wunterminated-string-initialization"',
    "#endif",
    "",
]


def _as_string(tensor: Tensor) -> bool:
    return tensor.itemsize == 1 and tensor.nbytes >= STRING_BYTES


def string_literals(data: Array) -> str:
    """The bytes of an array of int8 or uint8 as adjacent string literals, a line each."""
    stored = data.tobytes()
    rows = (stored[i : i + _PER_LINE] for i in range(0, len(stored), _PER_LINE))
    return "\n".join('    "' + "".join(map(_CHARACTERS.__getitem__, row)) + '"' for row in rows)


_PLACE = [
    "/* Where the constants lie if not with the code: an attribute, such as a section of yours. */",
    "#if !defined(MF_CONSTANTS)",
    "#define MF_CONSTANTS",
    "#endif",
    "",
]
_IN_L1 = '__attribute__((section(".weights_l1"))) '


def weights_files(
    name: str, constants: list[Tensor], names: Names, in_l1: frozenset[str] = frozenset()
) -> tuple[str, str]:
    """(header, source) that declare and define all ``constants``; those ``in_l1`` there."""
    guard = f"{name.upper()}_WEIGHTS_H"
    about = [c_line(MODEL), f"/* Constants of {name}, as its model is licensed. {written()} */"]
    header = [*about, f"#ifndef {guard}"]
    header += [f"#define {guard}", "", "#include <stdint.h>", ""]
    source = [*about, f'#include "{name}_weights.h"', ""]
    source += _UNTERMINATED * any(map(_as_string, constants))
    source += [] if in_l1 else _PLACE
    for tensor in constants:
        assert tensor.data is not None
        symbol = names(tensor.name)
        shape = " x ".join(map(str, tensor.shape)) or "1"
        note = comment(f"{tensor.name}: {tensor.dtype} [{shape}]")
        header.append(f"/* {note} */")
        header.append(f"extern {declaration(tensor, symbol)};")
        source.append(f"/* {note} */")
        section = _IN_L1 if tensor.name in in_l1 else "" if in_l1 else "MF_CONSTANTS "
        begin = f"{section}_Alignas(8) {declaration(tensor, symbol)} ="
        if _as_string(tensor):
            source += [begin, f"{string_literals(tensor.data)};", ""]
        else:
            source += [f"{begin} {{", literals(tensor.data), "};", ""]
    return "\n".join([*header, "", "#endif", ""]), "\n".join(source)
