"""What every converter needs: the builder, the scales, and int tensors by float name."""

from dataclasses import dataclass, field

import numpy as np
import onnx_ir as ir

from microformer.errors import UnsupportedOpError
from microformer.graph.float_model import Imported
from microformer.graph.ops import Narrow, Op, Reshape, Table
from microformer.graph.tensor import Array, Quant
from microformer.quantize.assign import Assignment
from microformer.quantize.builder import Builder
from microformer.quantize.functions import function_table
from microformer.quantize.scales import scale_integers
from microformer.quantize.source import constant_of, full_shape, int_shape, value_name


@dataclass
class Context:
    """State of one conversion. ``tensors`` maps a float value's name to its int tensor's.

    Where that is int16, ``narrow`` has the int8 tensor beside it; what nobody reads is dropped.

    ``weights`` maps a layer's ``weights_key`` to the (weight, mult, add) stored for it last.
    """

    builder: Builder
    scales: Assignment
    softmax: str
    imported: Imported | None = None
    tensors: dict[str, str] = field(default_factory=dict)
    narrow: dict[str, str] = field(default_factory=dict)
    weights: dict[str, tuple[str, str, str]] = field(default_factory=dict)

    def read(self, value: ir.Value | None) -> str:
        """The int8 tensor of a computed float value, in the shape ``int_shape`` of it."""
        name = self.read_stream(value)
        return self.narrow.get(name, name)

    def read_stream(self, value: ir.Value | None) -> str:
        """The same, or the int16 tensor where the value is in the residual stream."""
        name = value_name(value)
        if name not in self.tensors:
            raise UnsupportedOpError(
                f"Tensor '{name}' is a constant where microformer needs a computed tensor; "
                "fold it into the model before the export."
            )
        return self.tensors[name]

    def read_or_constant(self, value: ir.Value | None) -> str:
        """As ``read``; a constant is quantised over its own range."""
        data = constant_of(value)
        if data is None:
            return self.read(value)
        name = value_name(value)
        quant = self.scales[name]
        return self.builder.constant(
            name, quant.quantize(data).reshape(int_shape(data.shape)), quant
        )

    def grid(self, value: ir.Value | None) -> Array | None:
        """The imported step of a constant, as wide as it; None where it brought none."""
        data = constant_of(value)
        if data is None or self.imported is None or value_name(value) not in self.imported.grids:
            return None
        return np.broadcast_to(self.imported.grids[value_name(value)], data.shape)

    def keeps(self, value: ir.Value | None) -> bool:
        """Whether a tensor has a scale that was imported."""
        return self.imported is not None and value_name(value) in self.imported.activations

    def quant(self, tensor: str) -> Quant:
        """The scale and zero point of an int tensor."""
        found = self.builder.tensors[tensor].quant
        assert found is not None
        return found

    def shape(self, tensor: str) -> tuple[int, ...]:
        """The shape of an int tensor."""
        return self.builder.tensors[tensor].shape

    def write(self, node: ir.Node, op: Op, inputs: tuple[str, ...]) -> str:
        """Emit the op that yields the float node's output; remembers and returns its tensor."""
        value = node.outputs[0]
        name = value_name(value)
        shown = self.scales.absorbed.get(name, name)
        quant = self.out(value)
        tensor = self.builder.tensor(name, int_shape(full_shape(value)), quant, shown)
        self.builder.node(node.name or name, op, inputs, tensor)
        self.tensors[name] = tensor
        if quant.bits == 16:
            self.narrow[tensor] = self._narrowed(tensor, self.scales[name])
        return tensor

    def out(self, value: ir.Value | None) -> Quant:
        """The scale that a float value is written at: int16 in the residual stream."""
        name = value_name(value)
        return self.scales.stream.get(name) or self.scales[name]

    def _narrowed(self, tensor: str, quant: Quant) -> str:
        """The int8 form of an int16 tensor, equation (14)."""
        ratio = self.quant(tensor).scale / quant.scale
        mult, add, shift = scale_integers(ratio, 2**15, 0, quant.zero_point)
        name, shape = f"{tensor}.int8", self.shape(tensor)
        return self.step(name, Narrow(mult, add, shift), (tensor,), shape, quant)

    def step(
        self, name: str, op: Op, inputs: tuple[str, ...], shape: tuple[int, ...], quant: Quant
    ) -> str:
        """Emit an op in between, which no float tensor stands for."""
        tensor = self.builder.tensor(name, shape, quant)
        return self.builder.node(name, op, inputs, tensor)

    def reshaped(self, tensor: str, shape: tuple[int, ...]) -> str:
        """The tensor under another shape (free); a constant is stored anew in that shape."""
        if self.shape(tensor) == shape:
            return tensor
        data = self.builder.tensors[tensor].data
        if data is not None:
            return self.builder.constant(tensor, data.reshape(shape), self.quant(tensor))
        name = f"{tensor}.reshape"
        return self.step(name, Reshape(shape), (tensor,), shape, self.quant(tensor))

    def requantized(self, tensor: str, quant: Quant) -> str:
        """The tensor at another scale: a table where the two differ, else the tensor itself."""
        if self.quant(tensor) == quant:
            return tensor
        entries: Array = function_table(np.asarray, self.quant(tensor), quant)
        inputs = (tensor, self.builder.table(f"{tensor}.rescale_table", entries))
        return self.step(f"{tensor}.rescale", Table(), inputs, self.shape(tensor), quant)
