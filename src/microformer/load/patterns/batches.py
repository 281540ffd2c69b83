"""Frames or windows that stand in the batch axis: the integer program handles one sample.

Most operations work on rows and take any number of them (``reshapes``). A convolution is repeated
for each, with one weight; a pool takes them as channels.
"""

import math

import numpy as np
import onnx_ir as ir

from microformer.load import edit
from microformer.load.layout import emit
from microformer.load.patterns.reshapes import reshape
from microformer.load.steps import Step

MAX_FRAMES = 64
"""More repetitions of a convolution than this are refused: the program would be as many calls."""


def unroll_batches(graph: ir.Graph) -> bool:
    """Conv, pools and means over images of a batch larger than 1."""
    modified = False
    for node in list(graph):
        x = node.inputs[0] if node.inputs else None
        if node.domain or x is None or edit.array_of(x) is not None:
            continue
        if node.op_type == "Conv" and 1 < edit.shape_of(x)[0] <= MAX_FRAMES:
            modified |= _conv(node, x)
        elif node.op_type in ("MaxPool", "AveragePool") and edit.shape_of(x)[0] > 1:
            modified |= _pool(node, x)
    return modified


def _conv(node: ir.Node, x: ir.Value) -> bool:
    """A Conv on each frame, and what they give side by side.

    Of a 1-D convolution the frames are the rows of an image; a 1x1 kernel takes all at once.
    """
    shape, output = edit.shape_of(x), edit.shape_of(node.outputs[0])
    if any(edit.array_of(v) is None for v in node.inputs[1:] if v is not None):
        return False
    if len(shape) == 3:
        _conv_rows(node, x, shape, output)
        return True
    frames: list[ir.Value | None] = []
    for number in range(shape[0]):
        frame = emit(x, [Step("Slice", (0, number, number + 1, 1))], node)
        inputs = [frame, *node.inputs[1:]]
        made = edit.insert(node, "Conv", inputs, (1, *output[1:]), dict(node.attributes))
        frames.append(reshape(made, (1, 1, *output[1:]), node))
    joined = edit.insert(node, "Concat", frames, (1, *output), {"axis": 1})
    edit.replace(node.outputs[0], reshape(joined, output, node))
    return True


def _conv_rows(node: ir.Node, x: ir.Value, shape: tuple[int, ...], output: tuple[int, ...]) -> None:
    """[B, C, L]: as [1, C, B, L] with a kernel one row high."""
    attributes = dict(node.attributes)
    for name, one in (("strides", 1), ("dilations", 1), ("kernel_shape", 1)):
        if name in attributes:
            attributes[name] = ir.AttrInt64s(name, [one, *edit.ints_attribute(node, name, [])])
    if "pads" in attributes:
        begin, end = edit.ints_attribute(node, "pads", [0, 0])
        attributes["pads"] = ir.AttrInt64s("pads", [0, begin, 0, end])
    weight = edit.array_of(node.inputs[1])
    assert weight is not None  # _conv saw to it
    kernel = edit.constant(node, weight[:, :, None], grid=_raised(node.inputs[1]))
    turned = (shape[1], shape[0], shape[2])
    source = edit.insert(node, "Transpose", [x], turned, {"perm": [1, 0, 2]})
    source = reshape(source, (1, *turned), node)
    wide = (1, output[1], output[0], output[2])
    value = edit.insert(node, "Conv", [source, kernel, *node.inputs[2:]], wide, attributes)
    value = reshape(value, wide[1:], node)
    value = edit.insert(node, "Transpose", [value], output, {"perm": [1, 0, 2]})
    edit.replace(node.outputs[0], value)


def _raised(value: ir.Value | None) -> np.ndarray | None:
    grid = edit.grid_of(value)
    return None if grid is None else grid[:, :, None]


def _pool(node: ir.Node, x: ir.Value) -> bool:
    """The channels of all frames are the channels of one."""
    shape, output = edit.shape_of(x), edit.shape_of(node.outputs[0])
    if any(v.uses() for v in node.outputs[1:]):
        return False
    source = reshape(x, (1, math.prod(shape[:2]), *shape[2:]), node)
    pooled = (1, math.prod(output[:2]), *output[2:])
    value = edit.insert(node, node.op_type, [source], pooled, dict(node.attributes))
    edit.replace(node.outputs[0], reshape(value, output, node))
    return True
