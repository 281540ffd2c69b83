"""What a kernel costs in cycles, roughly: shapes that several instruction sets share."""

from collections.abc import Callable

from microformer.graph.cost import macs
from microformer.graph.ops import Attention, AttentionBlock, Conv2d, Lstm, LutExp, Op
from microformer.graph.tensor import Tensor
from microformer.kernels.signatures import Operands
from microformer.targets import Target

Fits = Callable[[Op, Operands, Tensor, Target], bool]


Bytes = Callable[[Op, Operands, Tensor, Target], int]


Cycles = Callable[[Op, Operands, Tensor, Target], float]


def always(_op: Op, _inputs: Operands, _output: Tensor, _machine: Target) -> bool:
    return True


def no_scratch(_op: Op, _inputs: Operands, _output: Tensor, _machine: Target) -> int:
    return 0


def per_mac(cycles: float, per_output: float) -> Cycles:
    return lambda op, inputs, output, _machine: (
        cycles * macs(op, inputs, output) + per_output * output.size
    )


def per_output(cycles: float) -> Cycles:
    return lambda _op, _inputs, output, _machine: cycles * output.size


def per_input(cycles: float) -> Cycles:
    return lambda _op, inputs, _output, _machine: (
        cycles * sum(t.size for t in inputs[:1] if t is not None)
    )


def per_window(cycles: float) -> Cycles:
    return lambda op, _inputs, output, _machine: (
        cycles * output.size * op.kernel[0] * op.kernel[1]  # type: ignore[attr-defined]
    )


def by_exponential(lut: Cycles, ibert: Cycles) -> Cycles:
    """The cost of attention, by how its exponential is computed."""

    def cycles(op: Op, inputs: Operands, output: Tensor, machine: Target) -> float:
        inner = op.attention if isinstance(op, AttentionBlock) else op
        assert isinstance(inner, Attention)
        chosen = lut if isinstance(inner.exponential, LutExp) else ibert
        return chosen(op, inputs, output, machine)

    return cycles


def round8(count: int) -> int:
    """The next multiple of 8 bytes: int32 scratch and 64-bit loads are aligned so."""
    return -(-count // 8) * 8


def is_dense(op: Op, _inputs: Operands, _output: Tensor, _machine: Target) -> bool:
    return isinstance(op, Conv2d) and op.groups == 1


def is_depthwise(op: Op, inputs: Operands, output: Tensor, _machine: Target) -> bool:
    channels = inputs[0].shape[-1] if inputs[0] is not None else 0
    return isinstance(op, Conv2d) and op.groups == channels == output.shape[-1]


def recurrent_scratch(op: Op, _inputs: Operands, output: Tensor, _machine: Target) -> int:
    """State or cells and two gates in int16, outputs in int8."""
    units = output.shape[1]
    return round8(3 * units if isinstance(op, Lstm) else 8 * units)
