"""Which scale and zero point every float tensor gets (the quantisation policy)."""

from dataclasses import dataclass, field

import onnx_ir as ir

from microformer.analysis.residual import widened
from microformer.graph.float_model import FloatModel, Ranges
from microformer.graph.tensor import LEVELS, QParams
from microformer.quantize.functions import clip_bounds, function_of, useful_range
from microformer.quantize.scales import affine, symmetric
from microformer.quantize.source import constant_of, consumers, value_name, weights_key

SOFTMAX_QUANT = QParams(1.0 / 256.0, -128)
SMALL_PROBABILITY = 0.25
"""Up to here, steps of 1/256 leave a softmax over many positions with less than six bits."""

_SAME_SCALE = {"Reshape", "Transpose", "Slice", "MaxPool", "Gather"}
"""They move bytes of one tensor: its scale costs the result nothing."""

_WORTH_JOINING = 0.9
"""Share of a unified range that a tensor with other readers must fill: the rest is lost, 0.9 dB."""

_WORTH_SHARING = 0.125
"""Share of a unified range that both ends of layers of one weight must fill, for it to be stored
once: the transforms of unlike layers (a DFT in each) would lose 20 dB."""

_NORMS = {"LayerNormalization", "RMSNormalization"}
_CLAMPING = {"Linear", "Conv", "Add", "Mul", "LayerNormalization", "RMSNormalization"}
_CLAMPING |= {"AveragePool", "ReduceMean"}


@dataclass
class _Group:
    """Tensors that share one scale because the op between them only moves bytes."""

    low: float
    high: float
    symmetric: bool = False
    fixed: QParams | None = None

    def fix(self, qparams: QParams) -> None:
        """Take an imported quantisation, and the range that it can hold."""
        self.fixed = qparams
        self.low, self.high = qparams.low_high

    def qparams(self) -> QParams:
        if self.fixed is not None:
            return self.fixed
        return symmetric(self.low, self.high) if self.symmetric else affine(self.low, self.high)


@dataclass
class Assignment:
    """The Quant of each float tensor, and which clamps a producer already does.

    ``absorbed`` maps the name of a Relu or Clip's input to the name of its output where the
    producer's own saturation may do the clamping (the range starts at 0). ``int16_tensors`` has
    the scales of the tensors of the residual stream; those that are read as int8 have both.
    """

    groups: dict[str, _Group] = field(default_factory=dict)
    absorbed: dict[str, str] = field(default_factory=dict)
    int16_tensors: dict[str, QParams] = field(default_factory=dict)

    def __getitem__(self, name: str) -> QParams:
        return self.groups[name].qparams()

    def low_high(self, name: str) -> tuple[float, float]:
        """The real range that tensor ``name`` can hold."""
        group = self.groups[name]
        return group.low, group.high

    def overlap(self, first: str, second: str) -> float:
        """The share of the range of both that the narrower of two tensors fills."""
        a, b = self.groups[first], self.groups[second]
        whole = max(a.high, b.high) - min(a.low, b.low)
        return min(a.high - a.low, b.high - b.low) / whole if whole > 0.0 else 1.0

    def unify(self, first: str, second: str) -> None:
        """Let two tensors share one scale, over the union of their ranges."""
        keep, gone = self.groups[first], self.groups[second]
        if keep is gone or None not in (keep.fixed, gone.fixed):
            return  # two imported scales stay two: the operation between them requantises
        if gone.fixed is not None:
            keep, gone = gone, keep
        if keep.fixed is not None:
            gone.low, gone.high = keep.low, keep.high
        keep.low, keep.high = min(keep.low, gone.low), max(keep.high, gone.high)
        keep.symmetric |= gone.symmetric
        keep.fixed = keep.fixed or gone.fixed
        for name, group in self.groups.items():
            if group is gone:
                self.groups[name] = keep


def assign(
    model: FloatModel,
    ranges: Ranges,
    fine_softmax: bool = False,
    int16_tensors: frozenset[str] = frozenset(),
) -> Assignment:
    """Scales for every activation (and for constants that stand in an activation's place).

    ``fine_softmax`` gives small probabilities a scale of their own (equation 11f). The tensors
    ``int16_tensors`` are int16, over all that was seen.
    """
    result = Assignment()
    for name, seen in ranges.by_name.items():
        result.groups[name] = _Group(seen.low, seen.high)
    nodes = list(model.model.graph)
    for node in nodes:
        _seed(result, ranges, node, fine_softmax)
    if model.imported is not None:
        for name, qparams in model.imported.activations.items():
            result.groups.setdefault(name, _Group(0.0, 0.0)).fix(qparams)
        for node in nodes:
            _rescale(result, node)
    for node in nodes:
        _requantized(result, model, node)
    for node in nodes:
        if node.op_type == "Slice" and value_name(node.inputs[0]) in ranges.rows:
            continue  # rows of one group: their scale is their own
        if node.op_type in _SAME_SCALE and constant_of(node.inputs[0]) is None:
            result.unify(value_name(node.outputs[0]), value_name(node.inputs[0]))
    for node in nodes:
        if node.op_type == "Concat" and value_name(node.outputs[0]) not in ranges.rows:
            _unify_parts(result, model, node)
    for first, second in result.absorbed.items():
        result.unify(second, first)
    _unify_shared_weights(result, nodes)
    for read, written in model.states:
        result.unify(written, read)
    for name in widened(model, int16_tensors):
        if name not in result.absorbed:
            seen = ranges.by_name[name]
            low, high = min(seen.low, seen.observed_low), max(seen.high, seen.observed_high)
            result.int16_tensors[name] = symmetric(low, high, bits=16)
    for node in nodes:
        _keep_if_clamped(result, node)
    return result


def _keep_if_clamped(result: Assignment, node: ir.Node) -> None:
    """Forget a clamp that the saturation does not do after all: of ReLU6 where 8 is held."""
    source, output = value_name(node.inputs[0]), value_name(node.outputs[0])
    if node.op_type in {"Relu", "Clip"} and result.absorbed.get(source) == output:
        low, high = result.low_high(output)
        least, most = clip_bounds(node)
        if low < least or high > most * (1 + 1e-6):
            del result.absorbed[source]


def _unify_parts(result: Assignment, model: FloatModel, node: ir.Node) -> None:
    """Let the parts of a Concat be written at its scale, where that costs nobody anything.

    A part that is not unified is requantised on its way: one whose scale is given (a Softmax's, an
    imported one), and one with other readers, whose range is but a fraction of the unified one.
    """
    output = value_name(node.outputs[0])
    for value in node.inputs:
        name = value_name(value)
        part, whole = result.groups[name], result.groups[output]
        if part.fixed is not None and part.fixed != whole.fixed:
            continue
        if whole.fixed is not None and part.fixed is None:
            own, unified = part.high - part.low, whole.high - whole.low
        else:
            own = part.high - part.low
            unified = max(part.high, whole.high) - min(part.low, whole.low)
        if own >= _WORTH_JOINING * unified or _read_by_one(result, model, name, node):
            result.unify(output, name)


def _read_by_one(result: Assignment, model: FloatModel, name: str, reader: ir.Node) -> bool:
    """Whether what shares the scale of ``name`` is read by ``reader``, and moved, only."""
    group = result.groups[name]
    members = {n for n, other in result.groups.items() if other is group}
    for node in model.model.graph:
        if node is reader or not members & {value_name(v) for v in node.inputs if v is not None}:
            continue
        if node.op_type not in _SAME_SCALE or value_name(node.outputs[0]) not in members:
            return False
    outputs = {value_name(v) for v in model.model.graph.outputs}
    return not members & outputs


def _unify_shared_weights(result: Assignment, nodes: list[ir.Node]) -> None:
    """Layers of one weight (a net run on each frame) share their scales, so as to store it once.

    Their integer weights depend on the scales of input and output: equal scales, equal weights.
    """
    first: dict[str, ir.Node] = {}
    for node in nodes:
        if node.op_type not in {"Conv", "Linear"}:
            continue
        other = first.setdefault(weights_key(node), node)
        if other is node or constant_of(node.inputs[0]) is not None:
            continue
        pairs = [(value_name(other.inputs[0]), value_name(node.inputs[0]))]
        pairs.append((value_name(other.outputs[0]), value_name(node.outputs[0])))
        if all(result.overlap(a, b) >= _WORTH_SHARING for a, b in pairs):
            for a, b in pairs:
                result.unify(a, b)


def _seed(result: Assignment, ranges: Ranges, node: ir.Node, fine_softmax: bool) -> None:
    """Constants in activations' places, softmax's fixed scale, symmetric queries."""
    output = value_name(node.outputs[0])
    if node.op_type == "Concat":
        for value in node.inputs:
            data = constant_of(value)
            if data is not None:
                result.groups[value_name(value)] = _Group(float(data.min()), float(data.max()))
    elif node.op_type == "Gather":
        data = constant_of(node.inputs[0])
        if data is not None:
            result.groups[output] = _Group(float(data.min()), float(data.max()))
    elif node.op_type == "Softmax":
        # twice what was seen: a probability that is clipped is worse than a step lost
        high = 2.0 * ranges.by_name[output].observed_high
        readers = [use.node.op_type for use in node.outputs[0].uses()]
        if readers and all(kind in _NORMS for kind in readers):
            high *= 0.625  # a norm looks at small differences: steps of 1/256 may hide them
            if fine_softmax and high <= 0.7:
                result.groups[output] = _Group(0.0, high)
                return
        if fine_softmax and high <= SMALL_PROBABILITY:
            result.groups[output] = _Group(0.0, high)
        else:
            result.groups[output].fix(SOFTMAX_QUANT)
    elif node.op_type == "ByChannel":
        result.groups[output].fix(LEVELS)
    elif node.op_type == "Attention":
        result.groups[value_name(node.inputs[0])].symmetric = True


def _rescale(result: Assignment, node: ir.Node) -> None:
    """A positive multiple of an imported tensor has its levels, at another scale."""
    if node.op_type != "Mul":
        return
    group = result.groups[value_name(node.outputs[0])]
    for value, other in (node.inputs, node.inputs[::-1]):
        factor, source = constant_of(other), result.groups.get(value_name(value))
        if factor is None or factor.size != 1 or factor.reshape(()) <= 0 or source is None:
            continue
        if source.fixed is not None and group.fixed is None:
            group.fix(
                QParams(source.fixed.scale * float(factor.reshape(())), source.fixed.zero_point)
            )


def _requantized(result: Assignment, model: FloatModel, node: ir.Node) -> None:
    """Activations: drop the part of their input's range that does not matter."""
    function = function_of(node)
    if function is None:
        return
    value = node.inputs[0]
    assert value is not None
    source, output = value_name(value), value_name(node.outputs[0])
    producer = value.producer()
    if producer is None or consumers(model, value) != 1:
        return
    group = result.groups[source]
    if node.op_type in {"Relu", "Clip"}:
        low, _ = clip_bounds(node)
        if low == 0.0 and producer.op_type in _CLAMPING:
            result.absorbed[source] = output
            after = result.groups[output]
            if group.fixed is not None:
                del result.absorbed[source]  # the two scales differ
                return
            group.low, group.high = max(after.low, 0.0), after.high
            return
    if group.fixed is not None:
        return
    tolerance = result[output].scale / 4.0
    group.low, group.high = useful_range(function, group.low, group.high, tolerance)
