"""Inputs whose channels are of unlike size: a scale for each, moved into the weights that read it.

The first coefficient of an MFCC is tens of times as large as the others, the raw power of a radar
falls with the square of the distance: in one scale the small channels are left a few steps. The
quantiser of an input touches each value alone, so a scale for each channel costs a table there,
and nothing behind it: the layers that read the input have the scales in their columns.
"""

from dataclasses import dataclass, replace

import numpy as np
import onnx_ir as ir
from numpy.typing import NDArray

from microformer.graph.ends import by_name
from microformer.graph.float_model import FloatEnd, FloatModel
from microformer.graph.tensor import Array
from microformer.graph.tuned import Tuned, TuneStep
from microformer.tune.objective import Calibrate, Convert, objective_of

DOMAIN, NAME = "microformer", "ByChannel"
UNLIKE = 8.0
"""How many times as wide as the narrowest tenth of the channels the widest must be."""
MOST_CHANNELS = 512
"""Each has a scale and a zero point in the firmware, six bytes."""

Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Scales:
    """Of the channels of input ``end`` along ``axis`` of its shape: scale and zero point."""

    end: FloatEnd
    axis: int
    scales: NDArray[np.float64]
    zero_points: NDArray[np.int64]


def by_channel(start: Tuned, x: Array, convert: Convert, calibrate: Calibrate) -> Tuned:
    """``start`` with a scale for each channel of its inputs, where the output is nearer so."""
    if not start.ranges.calibrated or start.model.imported is not None:
        return start
    for end in start.model.inputs:
        chosen = _chosen(start.model, end, by_name(x, [e.name for e in start.model.inputs]))
        if chosen is None:
            continue
        made = _folded(start.model, chosen)
        ranges = calibrate(made, x)
        objective = objective_of(start, x, convert)
        before = objective.score(start.model, replace(start.ranges, rows={}))
        after = objective.score(made, replace(ranges, rows={}))
        gains = after.sqnr_db > before.sqnr_db  # it costs nothing: beyond chance is not asked
        where = f"{len(chosen.scales)} channels of '{end.name}'"
        step = TuneStep("a scale by channel", where, before.sqnr_db, after.sqnr_db, gains)
        start = replace(start, steps=(*start.steps, step))
        if gains:
            start = replace(start, model=made, reference=made, ranges=ranges)
    return start


def _chosen(model: FloatModel, end: FloatEnd, x: dict[str, Array]) -> Scales | None:
    """The axis along which the channels of an input are most unlike, if they are."""
    if end.dtype != "float32" or len(end.shape) < 2:
        return None
    values = x[end.name].reshape(len(x[end.name]), *end.shape[1:])
    best: Scales | None = None
    most = 0.0
    for axis in range(1, len(end.shape)):
        if not 2 <= end.shape[axis] <= MOST_CHANNELS:
            continue
        low, high = _extremes(np.moveaxis(values, axis, 0).reshape(end.shape[axis], -1))
        width = high - low
        if not (width > 0).any():
            continue
        few = np.quantile(width[width > 0], 0.1)
        if width.max() < UNLIKE * few:
            continue
        gain = float(np.log2(width.max() / width[width > 0]).mean())
        layers = _readers(model, end, axis) if gain > most else None
        if layers is None:
            continue
        width = np.where(width > 0, width, width.max())
        scales = np.asarray(np.float32(width / 255.0), np.float64)
        zeros = np.clip(np.round(-128.0 - low / scales), -128, 127).astype(np.int64)
        best, most = Scales(end, axis, scales, zeros), gain
        if zeros.any() and any(_pads(node) for node, _ in layers):  # zero is level 0 there
            wide = np.asarray(np.float32(np.maximum(high, -low) / 127.0), np.float64)
            wide[wide == 0] = wide.max()
            best = Scales(end, axis, wide, np.zeros_like(zeros))
    return best


def _extremes(values: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(low, high) of channels [C, n], zero among them, with room for what was not seen.

    The largest of ten times as many values of a normal distribution lies sqrt(1 + ln 10 / ln n)
    times as far from the mean: a channel has few values where a tensor has many.
    """
    room = np.sqrt(1.0 + np.log(10.0) / np.log(max(values.shape[1], 10)))
    mean = values.mean(axis=1, dtype=np.float64)
    low = mean + room * (values.min(axis=1) - mean)
    high = mean + room * (values.max(axis=1) - mean)
    return np.minimum(low, 0.0), np.maximum(high, 0.0)


def _source(model: FloatModel, end: FloatEnd) -> ir.Value:
    return next(value for value in model.model.graph.inputs if value.name == end.name)


def _folded(model: FloatModel, chosen: Scales) -> FloatModel:
    """The same float function of an input in levels."""
    made = model.with_constants({})
    for node, ids in _readers(made, chosen.end, chosen.axis) or []:
        _fold(made.model.graph, node, ids, chosen)
    _insert(made, _source(made, chosen.end), chosen)
    return made


def _readers(model: FloatModel, end: FloatEnd, axis: int) -> list[tuple[ir.Node, Ids]] | None:
    """(layer, channel of each of its columns) of all that read an input; None if one mixes them."""
    if end.name in model.output_names:
        return None
    along = np.arange(end.shape[axis]).reshape(-1, *(1,) * (len(end.shape) - axis - 1))
    layers: list[tuple[ir.Node, Ids]] = []
    followed = _trace(model, _source(model, end), np.broadcast_to(along, end.shape), layers)
    return layers if followed and layers else None


def _trace(model: FloatModel, value: ir.Value, ids: Ids, layers: list[tuple[ir.Node, Ids]]) -> bool:
    """Follow the channel of each element to the layers that read it, which are added."""
    for use in value.uses():
        node = use.node
        if node.outputs[0].name in model.output_names and node.op_type not in ("Linear", "Conv"):
            return False
        if node.op_type == "Linear" and use.idx == 0:
            columns = ids.reshape(-1, ids.shape[-1])
            if (columns != columns[:1]).any():
                return False
            layers.append((node, columns[0]))
        elif node.op_type == "Conv" and use.idx == 0:
            kernel = _under_kernel(node, ids[0])
            if kernel is None:
                return False
            layers.append((node, kernel))
        elif node.op_type in ("Reshape", "Transpose", "Slice"):
            moved = _moved(node, ids)
            if moved is None or not _trace(model, node.outputs[0], moved, layers):
                return False
        else:
            return False
    return True


def _numbers(node: ir.Node) -> list[list[int]] | None:
    """The constant operands behind the first."""
    found = []
    for value in node.inputs[1:]:
        if value is None or value.const_value is None:
            return None
        found.append([int(v) for v in value.const_value.numpy().reshape(-1)])
    return found


def _moved(node: ir.Node, ids: Ids) -> Ids | None:
    """The ids of what a movement gives."""
    shape = node.outputs[0].shape
    if node.op_type == "Transpose":
        perm = node.attributes.get("perm")
        return ids.transpose(perm.as_ints() if perm is not None else None)
    if node.op_type == "Reshape":
        return None if shape is None else ids.reshape([int(d) for d in shape.numpy()])
    numbers = _numbers(node)
    if numbers is None or len(numbers) < 3:
        return None
    starts, ends, axes = numbers[:3]
    steps = numbers[3] if len(numbers) > 3 else [1] * len(axes)
    where = [slice(None)] * ids.ndim
    for start, stop, axis, by in zip(starts, ends, axes, steps, strict=True):
        where[axis] = slice(*slice(start, stop, by).indices(ids.shape[axis]))
        if by < 0:
            return None
    return ids[tuple(where)]


def _under_kernel(node: ir.Node, ids: Ids) -> Ids | None:
    """Ids [C, *kernel] that a convolution's kernel meets at every place; None if they differ.

    ``ids`` are [C, *space]. What is padding (-1) tells nothing.
    """
    weight = node.inputs[1]
    assert weight is not None and weight.const_value is not None
    kernel = weight.const_value.numpy().shape[2:]
    axes = len(kernel)
    strides, dilations = (_ints(node, name, [1] * axes) for name in ("strides", "dilations"))
    pads = _ints(node, "pads", [0] * 2 * axes)
    frame = [(0, 0), *((pads[a], pads[a + axes]) for a in range(axes))]
    padded = np.pad(ids, frame, constant_values=-1)
    spans = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    windows = np.lib.stride_tricks.sliding_window_view(  # type: ignore[call-overload]
        padded, spans, axis=tuple(range(1, axes + 1))
    )
    places = tuple(slice(None, None, s) for s in strides)
    taps = tuple(slice(None, None, d) for d in dilations)
    windows = windows[(slice(None), *places, *taps)]
    flat = windows.reshape(len(ids), -1, *kernel)  # [C, places, *kernel]
    most = flat.max(axis=1)
    same = (flat == most[:, None]) | (flat == -1)
    return np.maximum(most, 0) if same.all() else None


def _ints(node: ir.Node, name: str, default: list[int]) -> list[int]:
    return list(node.attributes[name].as_ints()) if name in node.attributes else default


def _pads(node: ir.Node) -> bool:
    return node.op_type == "Conv" and any(_ints(node, "pads", []))


def _fold(graph: ir.Graph, node: ir.Node, ids: Ids, chosen: Scales) -> None:
    """Give a layer the weight and bias of an input in levels."""
    zero = chosen.scales * chosen.zero_points
    weight_value, bias_value = node.inputs[1], node.inputs[2]
    assert weight_value is not None and weight_value.const_value is not None
    weight = weight_value.const_value.numpy().astype(np.float64)
    groups = node.attributes.get_int("group", 1)
    if node.op_type == "Conv" and groups > 1:  # ids of each output channel's own group
        own = ids.reshape(groups, -1, *ids.shape[1:])
        ids = np.repeat(own, len(weight) // groups, axis=0)
    assert bias_value is not None and bias_value.const_value is not None
    bias = bias_value.const_value.numpy().astype(np.float64)
    axes = tuple(range(1, weight.ndim))
    bias = bias - (weight * zero[ids]).sum(axis=axes)
    for index, data in ((1, weight * chosen.scales[ids]), (2, bias)):
        old = node.inputs[index]
        assert old is not None
        name = f"{node.name}.{old.name}.levels"
        value = ir.val(name, const_value=ir.tensor(data.astype(np.float32), name=name))
        value.shape, value.type = ir.Shape(data.shape), ir.TensorType(ir.DataType.FLOAT)
        graph.register_initializer(value)
        node.replace_input_with(index, value)
        if not old.uses() and not old.is_graph_output():
            graph.initializers.pop(str(old.name), None)


def _function() -> ir.Function:
    """ByChannel(x, scale, zero) = x / scale + zero: levels of real values, not yet rounded."""
    x, scale, zero = (ir.val(name) for name in ("x", "scale", "zero"))
    divided = ir.node("Div", [x, scale])
    total = ir.node("Add", [divided.outputs[0], zero], outputs=[ir.val("y")])
    graph = ir.Graph(
        [x, scale, zero], total.outputs, nodes=[divided, total], opset_imports={"": 23}, name=NAME
    )
    return ir.Function(DOMAIN, NAME, graph=graph, attributes=[])


def _insert(model: FloatModel, source: ir.Value, chosen: Scales) -> None:
    """Levels between an input and its readers."""
    graph = model.model.graph
    name = f"{source.name}.levels"
    wide = [1] * len(chosen.end.shape)
    wide[chosen.axis] = -1
    operands = [source]
    for role, data in (("scale", chosen.scales), ("zero", chosen.zero_points)):
        array = data.astype(np.float32).reshape(wide)
        value = ir.val(f"{name}.{role}", const_value=ir.tensor(array, name=f"{name}.{role}"))
        value.shape, value.type = ir.Shape(array.shape), ir.TensorType(ir.DataType.FLOAT)
        graph.register_initializer(value)
        operands.append(value)
    uses = list(source.uses())
    made = ir.Node(DOMAIN, NAME, operands, name=name, num_outputs=1)
    levels = made.outputs[0]
    levels.name, levels.shape, levels.type = name, source.shape, source.type
    for use in uses:
        use.node.replace_input_with(use.idx, levels)
    graph.insert_before(graph[0], made)
    function = _function()
    model.model.functions[function.identifier()] = function
