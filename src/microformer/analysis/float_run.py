"""What a float model computes: onnxruntime on its canonical form."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime

from microformer.graph.ends import by_name
from microformer.graph.float_model import FloatModel
from microformer.graph.tensor import Array

if TYPE_CHECKING:
    import onnx_ir as ir

onnxruntime.disable_telemetry_events()  # also where somebody had imported it before us


def session(model: bytes, optimise: bool) -> onnxruntime.InferenceSession:
    """An ONNX file's bytes ready to run, on one thread; fused where ``optimise`` allows it."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.intra_op_num_threads = 1  # the tensors are small: threads only cost
    level = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = level.ORT_ENABLE_BASIC if optimise else level.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


class FloatRunner:
    """Runs a FloatModel one sample at a time; with ``keep`` every node's output is given too."""

    def __init__(self, model: FloatModel, keep: bool = False) -> None:
        stored = model.to_bytes()
        if keep:
            proto = onnx.load_model_from_string(stored)
            listed = {o.name for o in proto.graph.output}
            known = {value.name: value for value in proto.graph.value_info}
            for node in proto.graph.node:
                for name in node.output:
                    if name and name not in listed:
                        proto.graph.output.append(known[name])
            stored = proto.SerializeToString()
        # fusions would take away the tensors that are asked for
        self._session = session(stored, optimise=not keep)
        self._outputs = [o.name for o in self._session.get_outputs()]
        self._feed_types = {i.name: i.type for i in self._session.get_inputs()}
        self._inputs = [end.name for end in model.inputs]
        self._real = [end.name for end in model.inputs if end.dtype != "int32"]
        self.names = [*self._real, *(name for name in self._outputs if name not in self._real)]

    def __call__(self, sample: Array) -> dict[str, Array]:
        """Values by tensor name for one sample [1, *input shape], or one record of several."""
        kinds = {"tensor(int64)": "int64", "tensor(int32)": "int32"}
        feed = {
            name: np.ascontiguousarray(values, kinds.get(self._feed_types[name], "float32"))
            for name, values in by_name(sample, self._inputs).items()
            if name in self._feed_types
        }
        values = self._session.run(self._outputs, feed)
        named = dict(zip(self._outputs, values, strict=True))
        return {**{name: feed[name] for name in self._real if name in feed}, **named}


class NodeRunner:
    """One node of a FloatModel alone: real inputs to real output."""

    def __init__(self, model: FloatModel, node: "ir.Node") -> None:
        import onnx_ir as ir  # noqa: PLC0415 (brings sympy; only an audit is here)

        given = [v for v in dict.fromkeys(node.inputs) if v is not None]
        constants = [v.const_value for v in given if v.const_value is not None]
        self.inputs = [v for v in given if v.const_value is None]
        self.output = node.outputs[0]
        graph = onnx.helper.make_graph(
            [ir.to_proto(node)],
            "one",
            [ir.to_proto(v) for v in self.inputs],
            [ir.to_proto(self.output)],
            [ir.to_proto(c) for c in constants],
        )
        imports = [onnx.helper.make_opsetid(k, v) for k, v in model.model.opset_imports.items()]
        functions = [ir.to_proto(f) for f in model.model.functions.values()]
        proto = onnx.helper.make_model(graph, opset_imports=imports, functions=functions)
        proto.ir_version = model.model.ir_version
        self._session = session(proto.SerializeToString(), optimise=False)

    def __call__(self, values: Mapping[str, Array]) -> Array:
        """The output [N, *its shape] for inputs [N, *their shapes] by name, a sample at a time."""
        names = [str(v.name) for v in self.inputs]
        columns = [values[name] for name in names]
        kinds = {"tensor(int64)": np.int64, "tensor(int32)": np.int32}
        types = [kinds.get(i.type, np.float32) for i in self._session.get_inputs()]
        results = []
        for sample in zip(*columns, strict=True):
            feed = {n: v.astype(t) for n, v, t in zip(names, sample, types, strict=True)}
            results.append(self._session.run(None, feed)[0])
        return np.stack(results)
