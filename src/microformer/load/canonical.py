"""The passes that make a model canonical, in order, with the reason for the order."""

import onnx_ir as ir
import onnx_ir.passes.common as common

from microformer.errors import UnsupportedOpError
from microformer.load import edit
from microformer.load.patterns.attention import fuse_attention
from microformer.load.patterns.attention_onnx import normalise_attention
from microformer.load.patterns.layouts import simplify_layouts
from microformer.load.patterns.linear import absorb_bias, recognise_linear
from microformer.load.patterns.reshapes import sink_reshapes

# Each pass is applied in turn, the list again until nothing changes.
PASSES: tuple[edit.Pass, ...] = (
    recognise_linear,  # before attention, which selects rows of its projections
    absorb_bias,
    fuse_attention,  # before scalars are folded into weights: they belong to its scale
    normalise_attention,
    sink_reshapes,
    simplify_layouts,  # last: the others leave chains behind
)
MAX_ROUNDS = 50


def canonicalise(model: ir.Model) -> None:
    """Apply all passes until the graph is stable (in place)."""
    for _ in range(MAX_ROUNDS):
        modified = False
        for apply in PASSES:
            if apply(model.graph):
                modified = True
                common.RemoveUnusedNodesPass()(model)
        if not modified:
            common.CommonSubexpressionEliminationPass()(model)
            return
    raise UnsupportedOpError(
        "The model's graph did not settle into a canonical form: please report this model."
    )
