"""What every converter needs: the builder, the scales, and int tensors by float name."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import onnx_ir as ir

from microformer.errors import UnsupportedOpError
from microformer.graph.float_model import Imported, RowRange
from microformer.graph.ops import Lut, Op, Requantize, Reshape
from microformer.graph.tensor import Array, QParams
from microformer.quantize.assign import Assignment
from microformer.quantize.builder import Builder
from microformer.quantize.functions import function_lut
from microformer.quantize.scales import scale_integers
from microformer.quantize.source import constant_of, full_shape, int_shape, value_name

if TYPE_CHECKING:
    from microformer.quantize.rows import Part


@dataclass
class Context:
    """State of one conversion. ``tensors`` maps a float value's name to its int tensor's.

    Where that is int16, ``narrow`` has the int8 tensor beside it; what nobody reads is dropped.

    ``rows`` has the tensors whose rows are in groups, ``parts`` what each group became.

    ``weights`` maps a layer's ``weights_key`` to the (weight, mult, add) stored for it last.
    """

    builder: Builder
    scales: Assignment
    softmax: str
    imported: Imported | None = None
    tensors: dict[str, str] = field(default_factory=dict)
    requantized_to_int8: dict[str, str] = field(default_factory=dict)
    weights: dict[str, tuple[str, str, str]] = field(default_factory=dict)
    rows: Mapping[str, tuple[RowRange, ...]] = field(default_factory=dict)
    parts: dict[str, list["Part"]] = field(default_factory=dict)

    def read(self, value: ir.Value | None) -> str:
        """The int8 tensor of a computed float value, in the shape ``int_shape`` of it."""
        name = self.read_residual(value)
        return self.requantized_to_int8.get(name, name)

    def read_residual(self, value: ir.Value | None) -> str:
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
        qparams = self.scales[name]
        return self.builder.constant(
            name, qparams.quantize(data).reshape(int_shape(data.shape)), qparams
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

    def qparams(self, tensor: str) -> QParams:
        """The scale and zero point of an int tensor."""
        found = self.builder.tensors[tensor].qparams
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
        qparams = self.out(value)
        tensor = self.builder.tensor(name, int_shape(full_shape(value)), qparams, shown)
        self.builder.node(node.name or name, op, inputs, tensor)
        self.tensors[name] = tensor
        if qparams.bits == 16:
            self.requantized_to_int8[tensor] = self._as_int8(tensor, self.scales[name])
        return tensor

    def out(self, value: ir.Value | None) -> QParams:
        """The scale that a float value is written at: int16 in the residual stream."""
        name = value_name(value)
        return self.scales.int16_tensors.get(name) or self.scales[name]

    def _as_int8(self, tensor: str, qparams: QParams) -> str:
        """The int8 form of an int16 tensor, equation (14)."""
        ratio = self.qparams(tensor).scale / qparams.scale
        mult, add, shift = scale_integers(ratio, 2**15, 0, qparams.zero_point)
        name, shape = f"{tensor}.int8", self.shape(tensor)
        return self.step(name, Requantize(mult, add, shift), (tensor,), shape, qparams)

    def step(
        self, name: str, op: Op, inputs: tuple[str, ...], shape: tuple[int, ...], qparams: QParams
    ) -> str:
        """Emit an op in between, which no float tensor stands for."""
        tensor = self.builder.tensor(name, shape, qparams)
        return self.builder.node(name, op, inputs, tensor)

    def reshaped(self, tensor: str, shape: tuple[int, ...]) -> str:
        """The tensor under another shape (free); a constant is stored anew in that shape."""
        if self.shape(tensor) == shape:
            return tensor
        data = self.builder.tensors[tensor].data
        if data is not None:
            return self.builder.constant(tensor, data.reshape(shape), self.qparams(tensor))
        name = f"{tensor}.reshape"
        return self.step(name, Reshape(shape), (tensor,), shape, self.qparams(tensor))

    def requantized(self, tensor: str, qparams: QParams) -> str:
        """The tensor at another scale: a table where the two differ, else the tensor itself."""
        if self.qparams(tensor) == qparams:
            return tensor
        data = self.builder.tensors[tensor].data
        if data is not None:
            levels = qparams.quantize(self.qparams(tensor).dequantize(data))
            return self.builder.constant(tensor, levels, qparams)
        entries: Array = function_lut(np.asarray, self.qparams(tensor), qparams)
        inputs = (tensor, self.builder.table(f"{tensor}.rescale_table", entries))
        return self.step(f"{tensor}.rescale", Lut(), inputs, self.shape(tensor), qparams)
