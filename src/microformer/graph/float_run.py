"""The float meaning of a model: onnxruntime on its canonical form."""

import onnx_ir as ir
import onnxruntime

from microformer.graph.float_model import FloatModel
from microformer.graph.tensor import Array


class FloatRunner:
    """Runs a FloatModel one sample at a time; with ``keep`` every node's output is given too."""

    def __init__(self, model: FloatModel, keep: bool = False) -> None:
        proto = ir.to_proto(model.model)
        if keep:
            listed = {o.name for o in proto.graph.output}
            for node in model.model.graph:
                for value in node.outputs:
                    if value.name and value.name not in listed:
                        proto.graph.output.append(ir.to_proto(value))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1  # the tensors are small: threads only cost
        # fusions would take away the tensors that are asked for
        level = onnxruntime.GraphOptimizationLevel
        options.graph_optimization_level = level.ORT_DISABLE_ALL if keep else level.ORT_ENABLE_BASIC
        self._session = onnxruntime.InferenceSession(
            proto.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._model = model
        self._outputs = [o.name for o in self._session.get_outputs()]
        self._integer = model.input_dtype == "int32"
        self._feed_type = self._session.get_inputs()[0].type
        self.names = [model.input_name, *self._outputs] if not self._integer else self._outputs

    def __call__(self, sample: Array) -> dict[str, Array]:
        """Values by tensor name for one sample [1, *input shape]."""
        kinds = {"tensor(int64)": "int64", "tensor(int32)": "int32"}
        feed = sample.astype(kinds.get(self._feed_type, "float32"))
        values = self._session.run(self._outputs, {self._model.input_name: feed})
        named = dict(zip(self._outputs, values, strict=True))
        return named if self._integer else {self._model.input_name: feed, **named}
