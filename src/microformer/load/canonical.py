"""The passes that make a model canonical, in order, with the reason for the order."""

import onnx_ir as ir
from onnx_ir.passes import common

from microformer.errors import ModelError
from microformer.load import edit
from microformer.load.patterns.activation import recognise_activations
from microformer.load.patterns.affine import (
    fold_ahead,
    fold_behind,
    merge_constants,
    normalise_arithmetic,
)
from microformer.load.patterns.attention import fuse_attention
from microformer.load.patterns.attention_onnx import normalise_attention
from microformer.load.patterns.batches import unroll_batches
from microformer.load.patterns.cleanup import (
    drop_copies,
    drop_expands,
    expand_operands,
    fold_constant_nodes,
)
from microformer.load.patterns.concats import fold_concats
from microformer.load.patterns.conv import (
    expand_pads,
    fold_batchnorms,
    fold_pads,
    normalise_convs,
)
from microformer.load.patterns.einsum import lower_einsums
from microformer.load.patterns.layernorm import normalise_norms, recognise_norms
from microformer.load.patterns.layouts import simplify_layouts
from microformer.load.patterns.linear import absorb_bias, recognise_linear
from microformer.load.patterns.linear_maps import lower_linear_maps
from microformer.load.patterns.moments import recognise_moments
from microformer.load.patterns.one_hot import fold_tables
from microformer.load.patterns.pointwise import gather_pointwise
from microformer.load.patterns.pooling import normalise_pools
from microformer.load.patterns.products import normalise_products, recognise_contractions
from microformer.load.patterns.recurrent import lower_recurrent
from microformer.load.patterns.reshapes import sink_reshapes
from microformer.load.patterns.softmax import normalise_softmax, recognise_softmax
from microformer.load.patterns.written_out import divide, write_out

RECOGNISE: tuple[edit.Pass, ...] = (
    drop_copies,  # first: the patterns do not look through them
    drop_expands,
    recognise_contractions,
    lower_einsums,
    recognise_moments,
    recognise_norms,  # before arithmetic is rewritten: it looks for Sub, Div and Pow
    recognise_softmax,
    lower_recurrent,
    write_out,  # what no pattern looks for in one piece
    recognise_linear,  # before attention, which selects rows of its projections
    absorb_bias,
    unroll_batches,
    fuse_attention,
    normalise_attention,
    recognise_activations,  # the groups are largest while nothing is folded
    normalise_softmax,
    normalise_norms,
    normalise_convs,
    normalise_pools,
    fold_pads,
    expand_pads,  # after fold_pads: what no Conv takes
    sink_reshapes,
    simplify_layouts,  # last: the others leave chains behind
)
FOLD: tuple[edit.Pass, ...] = (
    normalise_arithmetic,  # once the norms have been found
    divide,
    expand_operands,
    fold_batchnorms,
    fold_behind,  # once attention has taken its scalars as its scale
    fold_ahead,  # what could not go backwards
    merge_constants,
    fold_concats,
    fold_tables,
    fold_constant_nodes,
    lower_linear_maps,  # once recognise_linear and attention have had their products
    normalise_products,  # what attention has left
)
MAX_ROUNDS = 64


def canonicalise(model: ir.Model) -> None:
    """Apply the passes, in place, until nothing changes: recognition first, then folding too."""
    _until_stable(model, RECOGNISE)
    _until_stable(model, (*RECOGNISE, *FOLD))
    _until_stable(model, (*RECOGNISE, *FOLD, gather_pointwise))
    if not any(edit.quant_of(node.outputs[0]) for node in model.graph):
        common.CommonSubexpressionEliminationPass()(model)  # it knows nothing of imported scales
    common.RemoveUnusedNodesPass()(model)


def _until_stable(model: ir.Model, passes: tuple[edit.Pass, ...]) -> None:
    for _ in range(MAX_ROUNDS):
        modified = False
        for apply in passes:
            if apply(model.graph):
                modified = True
                common.RemoveUnusedNodesPass()(model)
        if not modified:
            return
    raise ModelError(
        "The model's graph does not settle into a canonical form: please report this model."
    )
