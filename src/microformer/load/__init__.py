"""Stage ``load``: a user's model -> FloatModel, canonical ONNX with attention recognised."""

from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import onnx_ir as ir
from onnx import ModelProto

from microformer.errors import MicroformerError, ModelError, unexpected
from microformer.graph.float_model import FloatModel
from microformer.load.attributes import check_attributes
from microformer.load.canonical import canonicalise
from microformer.load.check import UNDERSTOOD, check_canonical, check_understood
from microformer.load.cut import check_read, cut
from microformer.load.finish import finish
from microformer.load.fold import add_batches, check_finite, fix_inputs, fix_values, fold_constants
from microformer.load.onnx import read_bytes, read_file, read_proto
from microformer.load.patterns.integers import lower_integers
from microformer.load.patterns.microsoft import DOMAIN as MICROSOFT_DOMAIN
from microformer.load.patterns.microsoft import lower_microsoft
from microformer.load.patterns.one_hot import lower_one_hot
from microformer.load.places import take_places
from microformer.load.quantized import import_quantisation
from microformer.load.states import told_states, with_states
from microformer.load.torch import as_module, as_program, export_module, export_program

__all__ = ["load"]


def load(
    source: object,
    *,
    example: Any | None = None,
    name: str | None = None,
    shape: Mapping[str, Sequence[int]] | None = None,
    fixed: Mapping[str, float] | None = None,
    exact_import: bool = False,
    inputs: Sequence[str] = (),
    outputs: Sequence[str] = (),
    state: Mapping[str, str] | None = None,
) -> FloatModel:
    """Load a model and bring it to the canonical form that ``FloatModel`` describes.

    ``source`` is the path of an .onnx file, its bytes, an onnx.ModelProto, an onnx_ir.Model, or a
    float torch.nn.Module, which needs ``example``, one input with batch 1. ``name`` becomes the
    name of the compiled model. A dynamic batch becomes 1; ``shape`` gives the whole shape of an
    input, by its name, where other axes are dynamic. ``fixed`` fills
    further inputs with one number for good, a mask of ones for instance. Of a quantised model
    the scales are kept; ``exact_import`` also keeps apart the operations that it rounds between.
    ``inputs`` and ``outputs`` name inner tensors: only what lies between them is loaded.
    ``state`` names inputs that are, from call to call, what outputs were (``load.states``).

    Raises ModelError if the file or model is broken, and UnsupportedOpError if it has an operation
    that cannot be compiled.
    """
    model, label = _read(source, example)
    try:
        check_finite(model.graph, label)
        check_attributes(model.graph, MICROSOFT_DOMAIN)
        cut(model, inputs, outputs, shape, label)
        check_read(model.graph)
        told = told_states(model)
        # passes replace the values themselves
        output_names = [v.name or f"output{i}" for i, v in enumerate(model.graph.outputs)]
        lower_microsoft(model.graph)
        lower_integers(model.graph)
        fix_values(model.graph, fixed, shape)
        fix_inputs(model.graph, shape, label)
        fold_constants(model, label)
        places = take_places(model)
        lower_one_hot(model)
        add_batches(model.graph)
        check_attributes(model.graph, understood=UNDERSTOOD)
        if import_quantisation(model.graph, exact_import):
            check_finite(model.graph, label)  # levels times scales
        check_understood(model.graph)
        canonicalise(model)
        check_canonical(model.graph)
        made = finish(model, name or _name(source), label, output_names, places)
        if state is None and told and not inputs and not outputs:
            state = {read: made.outputs[place].name for read, place in told.items()}
        return with_states(made, state)
    except MicroformerError:
        raise
    except Exception as error:
        # valid by ONNX's checker, which does not run it, and yet at odds with itself
        raise ModelError(f"{unexpected(error, f'reading {label}')}") from error


def _read(source: object, example: Any | None) -> tuple[ir.Model, str]:
    """The source as a checked model of opset 23, and what to call it in errors."""
    if isinstance(source, (str, PathLike)):
        return read_file(Path(source)), str(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return read_bytes(bytes(source), "the model"), "the model"
    if isinstance(source, ModelProto):
        return read_proto(source, "the model"), "the model"
    if isinstance(source, ir.Model):
        return read_proto(ir.to_proto(source), "the model"), "the model"
    module = as_module(source)
    if module is not None:
        label = type(source).__name__
        return read_proto(export_module(module, example), label), label
    program = as_program(source)
    if program is not None:
        return read_proto(export_program(program), "the exported program"), "the exported program"
    raise ModelError(
        f"Cannot load a {type(source).__name__}: give the path of an .onnx file or a torch module."
    )


def _name(source: object) -> str:
    if isinstance(source, (str, PathLike)):
        return Path(source).stem
    return type(source).__name__ if as_module(source) is not None else "model"
