"""The one table of kernel cases: an operation, its operands, and how activations are drawn.

Every kernel that can do a case is compared with the reference in ``microformer.reference``: on this
machine under sanitizers (tests/kernels) and on every emulated core (tests/targets). Shapes are
small and awkward on purpose: one row, one column, tails of every tile, extremes of every type.
"""

from tests.cases.attention import attention, attentions_cases, block, blocks_cases, softmax
from tests.cases.bundle import as_bytes, bundle, bundle_inputs, tensor_of
from tests.cases.case import Case, Operand, Shape
from tests.cases.images import images_cases, pool
from tests.cases.matrices import (
    conv,
    conv_pool,
    conv_pools_cases,
    fine_softmax,
    linear,
    matmul,
    matrices_cases,
)
from tests.cases.movements import cut, embedding, movements_cases, range_doppler, taken, transpose
from tests.cases.recurrents import recurrent, recurrents_cases
from tests.cases.rows import (
    argmax,
    binary,
    layernorm,
    lut,
    mean,
    requantize,
    residual_add,
    rows_cases,
)

__all__ = [
    "CASES",
    "Case",
    "Operand",
    "Shape",
    "argmax",
    "as_bytes",
    "attention",
    "binary",
    "block",
    "bundle",
    "bundle_inputs",
    "conv",
    "conv_pool",
    "cut",
    "embedding",
    "fine_softmax",
    "layernorm",
    "linear",
    "lut",
    "matmul",
    "mean",
    "pool",
    "range_doppler",
    "recurrent",
    "requantize",
    "residual_add",
    "softmax",
    "taken",
    "tensor_of",
    "transpose",
]

CASES: tuple[Case, ...] = (
    *matrices_cases(),
    *conv_pools_cases(),
    *attentions_cases(),
    *blocks_cases(),
    *rows_cases(),
    *recurrents_cases(),
    *images_cases(),
    *movements_cases(),
)
"""All cases. Names are unique (test_kernels.py)."""
