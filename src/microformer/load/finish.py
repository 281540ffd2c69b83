"""The last step: names, functions, the check that the form is canonical, and the FloatModel."""

import numpy as np
import onnx_ir as ir

from microformer.errors import ModelError
from microformer.graph.float_model import FloatEnd, FloatModel, Imported
from microformer.load import edit
from microformer.load.functions import add_functions
from microformer.load.naming import name_nodes
from microformer.load.places import Places


def finish(
    model: ir.Model, name: str, label: str, output_names: list[str], places: Places
) -> FloatModel:
    """Name everything in a canonical model and describe its inputs and outputs."""
    _part_outputs(model.graph)
    inputs = tuple(_input(source, label) for source in model.graph.inputs)
    name_nodes(model.graph, output_names)
    add_functions(model)
    return FloatModel(
        name=name,
        source=model,
        inputs=inputs,
        outputs=tuple(
            FloatEnd(v.name or "", edit.shape_of(v), places=places.get(i))
            for i, v in enumerate(model.graph.outputs)
        ),
        imported=_imported(model.graph),
        notes=edit.notes_of(model.graph),
    )


def _part_outputs(graph: ir.Graph) -> None:
    """An output that is an input, or another output too, is a copy of it, of its own name."""
    seen: set[ir.Value] = set()
    for place, value in enumerate(graph.outputs):
        if value in seen or value.is_graph_input():
            shape = edit.shape_of(value)
            copied = ir.node("Reshape", [value, ir.Value(name="")])
            constant = edit.constant_in(graph, np.array(shape, np.int64), f"output{place}")
            copied.replace_input_with(1, constant)
            copied.outputs[0].shape, copied.outputs[0].type = ir.Shape(shape), value.type
            graph.append(copied)
            graph.outputs[place] = copied.outputs[0]
        seen.add(value)


def _input(source: ir.Value, label: str) -> FloatEnd:
    integer = source.dtype in (ir.DataType.INT64, ir.DataType.INT32)
    if not integer and source.dtype != ir.DataType.FLOAT:
        raise ModelError(
            f"Input {source.name!r} of {label} is of type {source.dtype}: microformer takes "
            "float32 samples or int32 token indices."
        )
    source.dtype = ir.DataType.INT32 if integer else ir.DataType.FLOAT
    return FloatEnd(source.name or "", edit.shape_of(source), "int32" if integer else "float32")


def _imported(graph: ir.Graph) -> Imported | None:
    """What the passes remembered of an imported quantisation, by the final names."""
    values = [*graph.inputs, *(node.outputs[0] for node in graph)]
    found = {v.name or "": (edit.quant_of(v), edit.origin_of(v)) for v in values}
    activations = {name: qparams for name, (qparams, _) in found.items() if qparams is not None}
    grids = {name: edit.grid_of(value) for name, value in graph.initializers.items()}
    if not activations:
        return None
    return Imported(
        activations,
        {name: grid for name, grid in grids.items() if grid is not None},
        {name: origin for name, (_, origin) in found.items() if origin},
        edit.is_exact(graph),
        edit.file_tensors(graph),
        {v.name or "": edit.moves_of(v) for v in values if edit.moves_of(v)},
    )
