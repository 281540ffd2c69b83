"""FloatModel: a user's model after ``load``, in canonical ONNX that onnxruntime can run.

Canonical operations (all shapes static, batch 1, opset 23, float32, one output a node):

- ``microformer::Linear(x [..., K], weight [N, K], bias [N])`` (a model-local function)
- ``microformer::Silu(x)`` (a model-local function)
- ``microformer::Lstm(gates [1, S, 4H], recurrent [4H, H], bias [4H])`` -> [1, S, H]: ONNX's LSTM
  behind the product with its input; ``microformer::Gru`` with 3H and ``reset_after`` likewise
- ``Conv(x [1, C, H, W] or [1, C, L], weight, bias)`` with explicit ``pads``; BatchNorm is folded
- ``Attention(q [1, Sq, H*P], k [1, Sk, KVH*P], v [1, Sk, KVH*PV], [mask float, constant,
  broadcast to [1 or H, Sq, Sk]])`` with ``q_num_heads``, ``kv_num_heads``, ``scale``, ``is_causal``
- ``LayerNormalization`` and ``RMSNormalization`` over the last axis, with scale (and bias)
- ``Gelu`` (approximate none or tanh), ``Relu``, ``Clip`` (constant bounds), ``Sigmoid``, ``Tanh``,
  ``HardSwish``, ``HardSigmoid``
- ``Erf``, ``MatMul`` (of two activations, leading axes equal) and ``microformer::Requantize(x)``,
  the same values at another imported scale
- ``Add``, ``Mul`` (two activations, or one and a constant), ``MaxPool``, ``AveragePool``,
  ``ReduceMean`` (axes constant), ``Softmax`` (last axis), ``Concat``
- ``Gather(table constant [V, E], index int)`` along axis 0: an embedding
- ``Gather(x [1, N, W], index constant [M])`` along axis 1: rows that lie at no regular step
- ``microformer::Pointwise<number>(x)``: a function of one value, its ``steps`` as JSON
  (``analysis.pointwise``), a model-local function for each
- ``Reshape`` (constant shape), ``Transpose``, ``Slice`` (constant starts, ends, axes, steps)
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from microformer.graph.tensor import Array, QParams
from microformer.page.tables import html_table

if TYPE_CHECKING:
    import onnx_ir as ir

Move = tuple[str, tuple[int, ...]]
"""("Transpose", perm) or ("Reshape", shape)."""


@dataclass(frozen=True)
class FileTensor:
    """A quantised activation of a file: its name there, its scale, and what is computed of it.

    ``followers`` are the quantised tensors of the file that are next on each way from it.
    """

    name: str
    qparams: QParams
    followers: tuple[str, ...] = ()


@dataclass(frozen=True)
class ImportedScale:
    """A quantised tensor of the file. ``reason`` is empty where the program has it so.

    ``changed``: the program has the tensor, with another scale.
    """

    name: str
    scale: float
    zero_point: int
    reason: str = ""
    changed: bool = False

    @property
    def kept(self) -> bool:
        """Whether a tensor of the program holds the file's levels."""
        return not self.reason


@dataclass(frozen=True, eq=False)
class Imported:
    """The quantisation that a model brought along; ``quantize`` keeps it.

    ``activations`` gives the scale and zero point of tensors by name (uint8 is shifted to int8).
    ``grids`` gives for constants by name the step of which each value is a whole multiple, an
    array that broadcasts to the constant. ``origins`` names, for tensors by name, the tensor of
    the file that holds the same values. ``exact`` says that nothing may be fused across them.
    ``moves`` are what makes that tensor of the file, in its own layout, the one called so.
    ``tensors`` are all quantised activations that the file has.
    """

    activations: Mapping[str, QParams]
    grids: Mapping[str, Array]
    origins: Mapping[str, str]
    exact: bool = False
    tensors: tuple[FileTensor, ...] = ()
    moves: Mapping[str, tuple[Move, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class FloatEnd:
    """An input or output: its name, its static shape with the batch in front, its type.

    Inputs are "float32", or "int32" for token indices; outputs are "float32". Of an output that
    the program gives as the places of the largest values of the last axis, int32 of the shape
    ``places``, the float model has the values themselves.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str = "float32"
    places: tuple[int, ...] | None = None


@dataclass(frozen=True, eq=False, repr=False)
class FloatModel:
    """A canonical model.

    ``source`` is its graph, as onnx_ir has it or as the bytes of an ONNX file: what only runs it
    need not parse it. ``notes`` are sentences about what reading it could not keep.
    ``inputs`` and ``outputs`` are in the order of the user's model; axis 0 of
    each input is the batch that samples are fed along. ``states`` are pairs (input, output) that
    are kept from call to call: what is written is read by the next one, zeros by the first.
    """

    name: str
    source: "ir.Model | bytes"
    inputs: tuple[FloatEnd, ...]
    outputs: tuple[FloatEnd, ...]
    imported: Imported | None = None
    notes: tuple[str, ...] = ()
    states: tuple[tuple[str, str], ...] = ()

    @property
    def given(self) -> tuple[FloatEnd, ...]:
        """The inputs that a caller gives: all but states."""
        kept = {name for name, _ in self.states}
        return tuple(end for end in self.inputs if end.name not in kept)

    @property
    def answers(self) -> tuple[FloatEnd, ...]:
        """The outputs that a caller gets: all but states."""
        kept = {name for _, name in self.states}
        return tuple(end for end in self.outputs if end.name not in kept)

    @property
    def input_name(self) -> str:
        """The first input's name."""
        return self.inputs[0].name

    @property
    def input_shape(self) -> tuple[int, ...]:
        """The first input's shape, batch axis included."""
        return self.inputs[0].shape

    @property
    def input_dtype(self) -> str:
        """The first input's type."""
        return self.inputs[0].dtype

    @property
    def output_name(self) -> str:
        """The first output's name."""
        return self.outputs[0].name

    @property
    def output_shape(self) -> tuple[int, ...]:
        """The first output's shape, batch axis included."""
        return self.outputs[0].shape

    @property
    def output_names(self) -> frozenset[str]:
        """The names of all outputs."""
        return frozenset(end.name for end in self.outputs)

    @cached_property
    def model(self) -> "ir.Model":
        """The graph."""
        if not isinstance(self.source, bytes):
            return self.source
        import onnx  # noqa: PLC0415 (onnx_ir brings sympy: half a second, for who needs it)
        import onnx_ir as ir  # noqa: PLC0415

        model = ir.from_proto(onnx.load_model_from_string(self.source))
        assert isinstance(model, ir.Model)
        return model

    def to_bytes(self) -> bytes:
        """The graph as an ONNX file."""
        if isinstance(self.source, bytes):
            return self.source
        import onnx_ir as ir  # noqa: PLC0415

        return bytes(ir.to_proto(self.source).SerializeToString())

    def __repr__(self) -> str:
        ends = [*(("in ", e) for e in self.inputs), *(("out", e) for e in self.outputs)]
        shown = "".join(f"\n  {what} {end.name}: {end.dtype} {end.shape}" for what, end in ends)
        notes = f"\n  {len(self.notes)} notes" if self.notes else ""
        return f"FloatModel {self.name}, {len(self.model.graph)} nodes{shown}{notes}"

    def _repr_html_(self) -> str:
        nodes = [
            (node.name or "", node.op_type, ", ".join(str(v.shape) for v in node.outputs))
            for node in self.model.graph
        ]
        ends = [*(("input", e) for e in self.inputs), *(("output", e) for e in self.outputs)]
        rows = [(what, end.name, end.dtype, end.shape) for what, end in ends]
        whole = html_table(rows, caption=f"{self.name}, float model")
        return whole + html_table(nodes, ("node", "operation", "shape"), fold=f"{len(nodes)} nodes")

    def __str__(self) -> str:
        lines = [f"float model {self.name}"]
        lines += [f"  in   {end.name}: {end.shape}" for end in self.inputs]
        for node in self.model.graph:
            outputs = ", ".join(f"{v.name}: {v.shape}" for v in node.outputs)
            inputs = ", ".join(v.name or "-" if v else "-" for v in node.inputs)
            lines.append(f"  {outputs} = {node.op_type}({inputs})  # {node.name}")
        return "\n".join([*lines, *(f"  out  {end.name}: {end.shape}" for end in self.outputs)])

    def with_constants(self, constants: Mapping[str, Array]) -> "FloatModel":
        """A copy that shares nothing, with other data for the named constants."""
        import onnx_ir as ir  # noqa: PLC0415

        model = ir.from_proto(ir.to_proto(self.model))
        assert isinstance(model, ir.Model)
        for name, data in constants.items():
            model.graph.initializers[name].const_value = ir.tensor(data, name=name)
        return replace(self, source=model)


@dataclass(frozen=True)
class Range:
    """Observed real values of one tensor: minimum, maximum, and the clipped range to use.

    ``choices`` are what other observers propose: (observer, low, high).
    """

    low: float
    high: float
    observed_low: float
    observed_high: float
    choices: tuple[tuple[str, float, float], ...] = ()


@dataclass(frozen=True)
class RowRange:
    """Rows start .. stop of a tensor [1, S, E], and the extremes of their values."""

    start: int
    stop: int
    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Ranges:
    """Ranges of all float tensors that matter, by name, and how many samples they rest on.

    ``rows`` has the tensors of a residual stream whose rows are in groups of unlike size, if each
    group is to have a scale of its own.
    """

    by_name: dict[str, Range]
    samples: int
    calibrated: bool = True
    rows: Mapping[str, tuple[RowRange, ...]] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"ranges from {self.samples} samples"]
        lines += [f"  {n}: [{r.low:.6g}, {r.high:.6g}]" for n, r in self.by_name.items()]
        return "\n".join(lines)
