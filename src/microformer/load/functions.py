"""The model-local functions of the canonical form: what Linear and Silu mean, in ONNX itself."""

from typing import Any

import numpy as np
import onnx_ir as ir

from microformer.analysis.pointwise import NAME, kind_of, read, steps_of, written
from microformer.load.edit import DOMAIN

OPSET = 23


def _function(name: str, inputs: list[ir.Value], nodes: list[ir.Node]) -> ir.Function:
    graph = ir.Graph(inputs, nodes[-1].outputs, nodes=nodes, opset_imports={"": OPSET}, name=name)
    return ir.Function(DOMAIN, name, graph=graph, attributes=[])


def linear_function() -> ir.Function:
    """Linear(x [..., K], weight [N, K], bias [N]) = x weight^T + bias [..., N]."""
    x, weight, bias = (ir.val(name) for name in ("x", "weight", "bias"))
    turned = ir.node("Transpose", [weight], {"perm": [1, 0]})
    product = ir.node("MatMul", [x, turned.outputs[0]])
    total = ir.node("Add", [product.outputs[0], bias], outputs=[ir.val("y")])
    return _function("Linear", [x, weight, bias], [turned, product, total])


def silu_function() -> ir.Function:
    """Silu(x) = x sigmoid(x), any shape."""
    x = ir.val("x")
    gate = ir.node("Sigmoid", [x])
    product = ir.node("Mul", [x, gate.outputs[0]], outputs=[ir.val("y")])
    return _function("Silu", [x], [gate, product])


def requantize_function() -> ir.Function:
    """Requantize(x) = x, any shape: where an imported model changes the scale and nothing else."""
    x = ir.val("x")
    return _function("Requantize", [x], [ir.node("Identity", [x], outputs=[ir.val("y")])])


def _recurrent(name: str) -> ir.Function:
    """x [1, S, G H] in place of the product with the input: ONNX's layer with an identity there."""
    x, weight, bias = (ir.val(n) for n in ("x", "recurrent", "bias"))
    nodes: list[ir.Node] = []

    def put(op: str, inputs: list[ir.Value], attributes: dict[str, Any] | None = None) -> ir.Value:
        nodes.append(ir.node(op, inputs, attributes))
        return nodes[-1].outputs[0]

    def ints(*values: int) -> ir.Value:
        return put("Constant", [], {"value": ir.tensor(np.array(values, np.int64))})

    turned = put("Transpose", [weight], {"perm": [1, 0]})
    one = put("EyeLike", [put("MatMul", [weight, turned])])  # [G H, G H]
    none = put("Sub", [bias, bias])
    sides = put("Concat", [none, bias], {"axis": 0})
    stacked = [put("Unsqueeze", [value, ints(0)]) for value in (one, weight, sides)]
    steps = put("Transpose", [x], {"perm": [1, 0, 2]})  # [S, 1, G H]
    layer = ir.node(name.upper(), [steps, *stacked], num_outputs=1)
    layer.attributes["hidden_size"] = ir.RefAttr("hidden_size", "hidden_size", ir.AttributeType.INT)
    attributes = [ir.Attr("hidden_size", ir.AttributeType.INT, None)]
    if name == "Gru":
        layer.attributes["linear_before_reset"] = ir.RefAttr(
            "linear_before_reset", "reset_after", ir.AttributeType.INT
        )
        attributes.append(ir.Attr("reset_after", ir.AttributeType.INT, None))
    nodes.append(layer)
    flat = put("Squeeze", [layer.outputs[0], ints(1)])  # [S, 1, H]
    nodes.append(ir.node("Transpose", [flat], {"perm": [1, 0, 2]}, outputs=[ir.val("y")]))
    graph = ir.Graph(
        [x, weight, bias], nodes[-1].outputs, nodes=nodes, opset_imports={"": OPSET}, name=name
    )
    return ir.Function(DOMAIN, name, graph=graph, attributes=attributes)


def pointwise_function(name: str, text: str) -> ir.Function:
    """Pointwise(x, steps = text): the steps of ``analysis.pointwise``, any shape."""
    values = [ir.val("x")]
    nodes: list[ir.Node] = []
    for op, attributes, given in read(text):
        inputs: list[ir.Value | None] = []
        for argument in given:
            if isinstance(argument, list):
                number = ir.tensor(np.array(argument[0], np.float32))
                nodes.append(ir.node("Constant", [], {"value": number}))
                inputs.append(nodes[-1].outputs[0])
            else:
                inputs.append(None if argument is None else values[argument])
        if op == "Silu":  # a function of our own
            nodes.append(ir.node("Sigmoid", inputs))
            inputs = [inputs[0], nodes[-1].outputs[0]]
        nodes.append(ir.node("Mul" if op == "Silu" else op, inputs, attributes))
        values.append(nodes[-1].outputs[0])
    graph = ir.Graph([values[0]], [values[-1]], nodes=nodes, opset_imports={"": OPSET}, name=name)
    return ir.Function(
        DOMAIN, name, graph=graph, attributes=[ir.Attr("steps", ir.AttributeType.STRING, None)]
    )


def add_functions(model: ir.Model) -> None:
    """Give a model its functions and the imports that they need."""
    model.functions.clear()
    functions = [linear_function(), silu_function()]
    if any(node.op_type == "Requantize" for node in model.graph):
        functions.append(requantize_function())
    for name in ("Lstm", "Gru"):
        if any(node.op_type == name for node in model.graph):
            functions.append(_recurrent(name))
    for node in model.graph:
        if kind_of(node) == NAME:
            functions.append(pointwise_function(node.op_type, written(steps_of(node))))
    for function in functions:
        model.functions[function.identifier()] = function
    model.graph.opset_imports.clear()
    model.graph.opset_imports.update({"": OPSET, DOMAIN: 1})
