"""Every instruction set, one line each; which kernel serves a node; the C files it needs."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

from microformer.errors import TargetError
from microformer.graph.ops import Op
from microformer.graph.tensor import Tensor
from microformer.kernels.dsp.registry import ISA as DSP
from microformer.kernels.kernel import Isa, Kernel
from microformer.kernels.mve.registry import ISA as MVE
from microformer.kernels.prices import cycles
from microformer.kernels.ref.registry import ISA as REF
from microformer.kernels.scalar.registry import ISA as SCALAR
from microformer.kernels.signatures import Operands, family
from microformer.kernels.xpulp.registry import ISA as XPULP
from microformer.targets import Target

__all__ = [
    "ISAS",
    "Isa",
    "Kernel",
    "candidates",
    "check_isas",
    "kernel_of",
    "kernels",
    "library_files",
    "select",
]

ISAS: tuple[Isa, ...] = (
    REF,
    SCALAR,
    DSP,
    MVE,
    XPULP,
)
"""Every instruction set. A kernel's name is ``mf_<op>_<types>[_<fused>]_<isa>[_<tile>]``."""

_MARGIN = 1.25
"""How much dearer than predicted a reference kernel counts."""

_INCLUDE = re.compile(r'^#include "([a-z0-9_]+\.h)"$', re.MULTILINE)
_SHARED = Path(__file__).parent / "include"


def kernels() -> tuple[Kernel, ...]:
    """Every kernel of every instruction set."""
    return tuple(kernel for isa in ISAS for kernel in isa.kernels)


@cache
def _by_symbol(isas: tuple[Isa, ...]) -> Mapping[str, Kernel]:
    return {kernel.symbol: kernel for isa in isas for kernel in isa.kernels}


def kernel_of(symbol: str) -> Kernel:
    """The kernel whose C function is ``symbol``."""
    return _by_symbol(ISAS)[symbol]


def check_isas(target: Target) -> None:
    """TargetError where the kernels that a target names are not there, or not for its cores."""
    known = {isa.name: isa for isa in ISAS}
    for name in target.isas:
        if name not in known:
            raise TargetError(
                f"{target.name} asks for kernels of '{name}', and there are only those of "
                f"{', '.join(known)}."
            )
        if name != REF.name and target.is_cluster and target.cores > known[name].max_cores:
            raise TargetError(
                f"The kernels of '{name}' lay out their buffers for {known[name].max_cores} cores "
                f"at most, and {target.name} has {target.cores}."
            )


def candidates(
    op: Op,
    inputs: Operands,
    output: Tensor,
    target: Target,
    isas: tuple[str, ...] | None = None,
) -> list[Kernel]:
    """The kernels of ``isas``, by default the target's, that can do this node, if there are any."""
    wanted, chosen = family(op, inputs), target.isas if isas is None else isas
    return [
        kernel
        for isa in ISAS
        if isa.name in chosen
        for kernel in isa.kernels
        if kernel.family == wanted and kernel.fits(op, inputs, output, target)
    ]


def select(
    op: Op,
    inputs: Operands,
    output: Tensor,
    target: Target,
    preferred: frozenset[str] = frozenset(),
) -> Kernel:
    """The cheapest kernel for a node; "ref" takes part even where the target leaves it out.

    One of the symbols ``preferred`` is taken before any other that fits. A reference kernel has to
    be cheaper by a fifth: its cycles hang on what a compiler makes of plain loops, shape by shape.
    """
    choices = candidates(op, inputs, output, target, (*target.isas, REF.name))
    return min(
        choices,
        key=lambda kernel: (
            kernel.symbol not in preferred,
            cycles(kernel, op, inputs, output, target) * (_MARGIN if kernel.isa == REF.name else 1),
        ),
    )


def library_files(symbols: Iterable[str]) -> dict[str, str]:
    """C headers that the kernels ``symbols`` need, by file name (all lie in one folder)."""
    folders = [_SHARED, *(part for isa in ISAS for part in (isa.folder, isa.folder / "parts"))]
    headers = {path.name: path for folder in folders for path in sorted(folder.glob("*.h"))}
    files: dict[str, str] = {}
    waiting = [f"{symbol}.h" for symbol in sorted(set(symbols), reverse=True)]
    while waiting:
        name = waiting.pop()
        if name not in files:
            files[name] = headers[name].read_text("utf-8")
            waiting += reversed(_INCLUDE.findall(files[name]))
    return files
