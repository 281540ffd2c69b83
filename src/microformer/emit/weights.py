"""The weights file: every constant of the program as a const array with a comment."""

import numpy as np

from microformer.emit.names import Names, comment
from microformer.graph.tensor import Tensor

C_TYPES = {"int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "int32": "int32_t"}
_WIDTH = 98


def declaration(tensor: Tensor, symbol: str) -> str:
    """``const int8_t symbol[12]``, without the semicolon."""
    return f"const {C_TYPES[tensor.dtype]} {symbol}[{max(tensor.size, 1)}]"


def literals(data: "np.ndarray[tuple[int, ...], np.dtype[np.generic]]") -> str:
    """Comma separated values, wrapped at 100 columns."""
    texts = [str(v) for v in data.reshape(-1).tolist()] or ["0"]
    if str(data.dtype) == "int32":
        # -2147483648 is not an int literal in C: it would be a long and break -Wconversion
        texts = ["(-2147483647 - 1)" if t == "-2147483648" else t for t in texts]
    per_line = max(1, _WIDTH // (max(map(len, texts)) + 2))
    rows = (texts[i : i + per_line] for i in range(0, len(texts), per_line))
    return ",\n".join("  " + ", ".join(row) for row in rows)


_IN_L1 = '__attribute__((section(".weights_l1"))) '


def weights_files(
    name: str, constants: list[Tensor], names: Names, in_l1: frozenset[str] = frozenset()
) -> tuple[str, str]:
    """(header, source) that declare and define all ``constants``; those ``in_l1`` there."""
    guard = f"{name.upper()}_WEIGHTS_H"
    header = [f"/* Constants of {name}. Written by microformer. */", f"#ifndef {guard}"]
    header += [f"#define {guard}", "", "#include <stdint.h>", ""]
    source = [f"/* Constants of {name}. Written by microformer. */"]
    source += [f'#include "{name}_weights.h"', ""]
    for tensor in constants:
        assert tensor.data is not None
        symbol = names(tensor.name)
        shape = " x ".join(map(str, tensor.shape)) or "1"
        note = comment(f"{tensor.name}: {tensor.dtype} [{shape}]")
        header.append(f"/* {note} */")
        header.append(f"extern {declaration(tensor, symbol)};")
        source.append(f"/* {note} */")
        section = _IN_L1 if tensor.name in in_l1 else ""
        source.append(f"{section}_Alignas(8) {declaration(tensor, symbol)} = {{")
        source += [literals(tensor.data), "};", ""]
    return "\n".join([*header, "", "#endif", ""]), "\n".join(source)
