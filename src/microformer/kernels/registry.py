"""Every kernel variant, one line each; which serves a node; the C files a project needs."""

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from microformer.graph.cost import macs
from microformer.graph.ops import Attention, Conv2d, Op
from microformer.graph.tensor import Array, Tensor
from microformer.kernels.signatures import Operands, family

__all__ = ["KERNELS", "Kernel", "candidates", "library_files", "select"]

_ROOT = Path(__file__).parent
_INCLUDE = re.compile(r'^#include "([a-z0-9_]+\.h)"$', re.MULTILINE)

Fits = Callable[[Op, Operands, Tensor], bool]
Bytes = Callable[[Op, Operands, Tensor], int]
Cycles = Callable[[Op, Operands, Tensor], float]
Pack = Callable[[Op, Operands], Mapping[str, Array]]


def _always(_op: Op, _inputs: Operands, _output: Tensor) -> bool:
    return True


def _no_scratch(_op: Op, _inputs: Operands, _output: Tensor) -> int:
    return 0


@dataclass(frozen=True)
class Kernel:
    """One C function.

    ``family`` fixes its arguments (signatures.py). ``cost`` is a rough count of cycles on a
    Cortex-M4, good for choosing and for nothing else. ``scratch`` gives its working memory in
    bytes, 8-byte aligned. ``inplace`` are the operands whose buffer may also be the output's,
    provided that they are of its size. ``pack`` gives constants in another order, by name.
    """

    symbol: str
    family: str
    isa: str
    cost: Cycles
    fits: Fits = _always
    scratch: Bytes = _no_scratch
    inplace: tuple[int, ...] = ()
    pack: Pack | None = None

    def header(self) -> Path:
        """The C file."""
        return _ROOT / self.isa / f"{self.symbol}.h"

    def inplace_operands(self, inputs: Operands, output: Tensor) -> tuple[str, ...]:
        """Names of the activations whose buffer the output may take over."""
        shared = [t for i, t in enumerate(inputs) if i in self.inplace and t is not None]
        return tuple(t.name for t in shared if t.data is None and t.nbytes == output.nbytes)


def _per_mac(cycles: float, per_output: float) -> Cycles:
    return lambda op, inputs, output: cycles * macs(op, inputs, output) + per_output * output.size


def _per_output(cycles: float) -> Cycles:
    return lambda _op, _inputs, output: cycles * output.size


def _per_input(cycles: float) -> Cycles:
    return lambda _op, inputs, _output: cycles * sum(t.size for t in inputs[:1] if t is not None)


def _per_window(cycles: float) -> Cycles:
    return lambda op, _inputs, output: (
        cycles * output.size * op.kernel[0] * op.kernel[1]  # type: ignore[attr-defined]
    )


def _attention_scratch(op: Op, inputs: Operands, _output: Tensor) -> int:
    """int32 [Sk] scores and [PV] sums: it grows with the keys, not with their square."""
    assert isinstance(op, Attention)
    keys = inputs[1]
    assert keys is not None
    return 4 * (keys.shape[0] + op.value_dim)


def _conv_dsp_scratch(op: Op, inputs: Operands, output: Tensor) -> int:
    """As of the matrix product, and two rows that cells are gathered to."""
    weight = inputs[1]
    assert weight is not None
    return _linear_dsp_scratch(op, inputs, output) + _round8(
        2 * 4 * ((math.prod(weight.shape[1:]) + 3) // 4)
    )


def _depthwise_dsp_scratch(_op: Op, inputs: Operands, _output: Tensor) -> int:
    """Places of the taps (8 bytes each on a host), weights by tap, one row of padding."""
    weight = inputs[1]
    assert weight is not None
    channels, taps = weight.shape[0], weight.shape[1] * weight.shape[2]
    return 8 * taps + 8 * taps * ((channels + 3) // 4) + _round8(channels)


def _round8(count: int) -> int:
    return -(-count // 8) * 8


def _is_dense(op: Op, _inputs: Operands, _output: Tensor) -> bool:
    return isinstance(op, Conv2d) and op.groups == 1


def _attention_dsp_scratch(op: Op, inputs: Operands, _output: Tensor) -> int:
    """Panels of one head's keys and values as int16, and two rows of scores and probabilities."""
    assert isinstance(op, Attention) and inputs[1] is not None
    keys, values = (inputs[1].shape[0] + 3) // 4, (op.value_dim + 3) // 4
    key_words, value_words = (op.head_dim + 3) // 4 * 2, 2 * keys
    panels = 4 * key_words * keys + 4 * value_words * values
    return 4 * (panels + 2 * key_words + 2 * value_words + 8 * keys)


def _attention_dsp_cost(op: Op, inputs: Operands, output: Tensor) -> float:
    """Spreading keys and values costs once a head; queries are done two at a time."""
    assert isinstance(op, Attention) and inputs[0] is not None and inputs[1] is not None
    rows, keys = inputs[0].shape[0], inputs[1].shape[0]
    spread = 2 * op.kv_heads * keys * (op.head_dim + op.value_dim)
    pairs = op.heads * (rows + rows % 2)
    return 1.15 * macs(op, inputs, output) * pairs / (op.heads * rows) + spread + 12 * pairs * keys


def _linear_dsp_scratch(op: Op, inputs: Operands, output: Tensor) -> int:
    """int16 pairs of four columns and their constants, and of one block of rows."""
    weight = inputs[1]
    assert weight is not None
    n, k = weight.shape[0], math.prod(weight.shape[1:])
    words, rows = (k + 3) // 4 * 2, output.size // n
    block = min((rows + 1) & ~1, max(8, 32768 // (4 * words) & ~1))
    return 4 * (words * (4 + block) + 8)


def _row_scratch(_op: Op, inputs: Operands, _output: Tensor) -> int:
    weight = inputs[1]
    assert weight is not None
    return (math.prod(weight.shape[1:]) + 3) // 4 * 8


def _linear_dsp_cost(op: Op, inputs: Operands, output: Tensor) -> float:
    """Spreading weights costs once a panel; rows are done two at a time."""
    weight = inputs[1]
    assert weight is not None
    rows, work = output.size // weight.shape[0], macs(op, inputs, output)
    return 1.1 * work * (rows + rows % 2) / rows + 1.9 * weight.size + 10 * output.size


def _softmax_dsp_cost(_op: Op, _inputs: Operands, output: Tensor) -> float:
    """The table by distance is made first."""
    return 256 * 12 + 17 * output.size


def _is_depthwise(op: Op, inputs: Operands, output: Tensor) -> bool:
    channels = inputs[0].shape[-1] if inputs[0] is not None else 0
    return isinstance(op, Conv2d) and op.groups == channels == output.shape[-1]


KERNELS: tuple[Kernel, ...] = (
    Kernel("mf_linear_s8_ref", "linear", "ref", _per_mac(6, 20)),
    Kernel(
        "mf_linear_s8_dsp_2x4",
        "linear",
        "dsp",
        _linear_dsp_cost,
        scratch=_linear_dsp_scratch,
    ),
    Kernel("mf_conv2d_s8_ref", "conv2d", "ref", _per_mac(8, 40)),
    Kernel(
        "mf_linear_s8_dsp_1x2",
        "linear",
        "dsp",
        _per_mac(2.4, 12),
        scratch=_row_scratch,
    ),
    Kernel(
        "mf_conv2d_s8_dsp_2x4",
        "conv2d",
        "dsp",
        _per_mac(1.5, 15),
        fits=_is_dense,
        scratch=_conv_dsp_scratch,
    ),
    Kernel(
        "mf_depthwise_s8_dsp",
        "conv2d",
        "dsp",
        _per_mac(4, 15),
        fits=_is_depthwise,
        scratch=_depthwise_dsp_scratch,
    ),
    Kernel("mf_depthwise_s8_ref", "conv2d", "ref", _per_mac(14, 25), fits=_is_depthwise),
    Kernel(
        "mf_attention_s8_lut_ref",
        "attention_lut",
        "ref",
        _per_mac(7, 30),
        scratch=_attention_scratch,
    ),
    Kernel(
        "mf_attention_s8_ibert_ref",
        "attention_ibert",
        "ref",
        _per_mac(8, 30),
        scratch=_attention_scratch,
    ),
    Kernel(
        "mf_attention_s8_lut_dsp_2x4",
        "attention_lut",
        "dsp",
        _attention_dsp_cost,
        scratch=_attention_dsp_scratch,
    ),
    Kernel(
        "mf_attention_s8_ibert_dsp_2x4",
        "attention_ibert",
        "dsp",
        _attention_dsp_cost,
        scratch=_attention_dsp_scratch,
    ),
    Kernel("mf_softmax_s8_lut_ref", "softmax_lut", "ref", _per_output(30), inplace=(0,)),
    Kernel("mf_softmax_s8_lut_dsp", "softmax_lut", "dsp", _softmax_dsp_cost, inplace=(0,)),
    Kernel("mf_softmax_s8_ibert_ref", "softmax_ibert", "ref", _per_output(40), inplace=(0,)),
    Kernel("mf_layernorm_s8_ref", "layernorm", "ref", _per_output(20), inplace=(0,)),
    Kernel("mf_rmsnorm_s8_ref", "rmsnorm", "ref", _per_output(20), inplace=(0,)),
    Kernel("mf_layernorm_s8_dsp", "layernorm", "dsp", _per_output(13), inplace=(0,)),
    Kernel("mf_rmsnorm_s8_dsp", "rmsnorm", "dsp", _per_output(13), inplace=(0,)),
    Kernel("mf_add_s8_ref", "add", "ref", _per_output(12), inplace=(0, 1)),
    Kernel("mf_mul_s8_ref", "mul", "ref", _per_output(12), inplace=(0, 1)),
    Kernel("mf_table_s8_ref", "table", "ref", _per_output(7), inplace=(0,)),
    Kernel("mf_max_pool2d_s8_ref", "max_pool2d", "ref", _per_window(10)),
    Kernel("mf_avg_pool2d_s8_ref", "avg_pool2d", "ref", _per_window(10)),
    Kernel("mf_mean_s8_ref", "mean", "ref", _per_input(6)),
    Kernel("mf_copy2d_s8_ref", "copy2d", "ref", _per_output(5)),
    Kernel("mf_permute_s8_ref", "permute", "ref", _per_output(8)),
    Kernel("mf_embedding_s8_ref", "embedding", "ref", _per_output(5)),
)
"""Every variant. The name is ``mf_<op>_<types>[_<fused>]_<isa>[_<tile>]``."""


def candidates(op: Op, inputs: Operands, output: Tensor, isas: Sequence[str]) -> list[Kernel]:
    """The kernels of the families ``isas`` that can do this node; "ref" always has one."""
    wanted = family(op, inputs)
    return [
        kernel
        for kernel in KERNELS
        if kernel.family == wanted and kernel.isa in isas and kernel.fits(op, inputs, output)
    ]


def select(op: Op, inputs: Operands, output: Tensor, isas: Sequence[str]) -> Kernel:
    """The cheapest kernel for a node; "ref" takes part even where ``isas`` leaves it out."""
    choices = candidates(op, inputs, output, (*isas, "ref"))
    return min(choices, key=lambda kernel: kernel.cost(op, inputs, output))


def library_files(symbols: Iterable[str]) -> dict[str, str]:
    """C headers that the kernels ``symbols`` need, by file name (all lie in one folder)."""
    headers = {path.name: path for path in sorted(_ROOT.glob("*/*.h"))}
    files: dict[str, str] = {}
    waiting = [f"{symbol}.h" for symbol in sorted(set(symbols), reverse=True)]
    while waiting:
        name = waiting.pop()
        if name not in files:
            files[name] = headers[name].read_text("utf-8")
            waiting += reversed(_INCLUDE.findall(files[name]))
    return files
