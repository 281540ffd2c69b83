"""The last step: names, functions, the check that the form is canonical, and the FloatModel."""

import onnx_ir as ir

from microformer.graph.float_model import FloatModel
from microformer.load import edit
from microformer.load.functions import add_functions
from microformer.load.naming import name_nodes


def finish(model: ir.Model, name: str, label: str) -> FloatModel:
    """Check that a model is canonical and describe its input and output."""
    name_nodes(model.graph)
    add_functions(model)
    source, result = model.graph.inputs[0], model.graph.outputs[0]
    return FloatModel(
        name=name,
        model=model,
        input_name=source.name or "",
        input_shape=edit.shape_of(source),
        input_dtype="float32",
        output_name=result.name or "",
        output_shape=edit.shape_of(result),
    )
