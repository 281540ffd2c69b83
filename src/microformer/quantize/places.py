"""Outputs that are the place of the largest value: the search behind the scores, equation (17)."""

from dataclasses import replace

from microformer.graph.float_model import FloatModel
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.ops import ArgMax
from microformer.graph.shapes import infer_shape
from microformer.graph.tensor import Tensor
from microformer.graph.verify import verify


def with_places(graph: IntGraph, model: FloatModel) -> IntGraph:
    """``graph`` with an ArgMax behind each output of which ``model`` wants the place."""
    tensors, nodes, outputs = dict(graph.tensors), list(graph.nodes), list(graph.outputs)
    for number, end in enumerate(model.outputs):
        if end.places is None:
            continue
        scores, name = outputs[number], f"{end.name}.place"
        while name in tensors:
            name += "_"
        shape = infer_shape(ArgMax(), (tensors[scores],))
        tensors[name] = Tensor(name, shape, "int32", source=end.name)
        nodes.append(Node(name, ArgMax(), (scores,), name))
        outputs[number] = name
    made = replace(graph, tensors=tensors, nodes=tuple(nodes), outputs=tuple(outputs))
    return verify(made, "quantize")
