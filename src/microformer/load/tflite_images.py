"""TFLite's operators that enlarge images, [N, H, W, C] there."""

from microformer.load.tflite import Operator
from microformer.load.tflite_onnx import Writer
from microformer.load.tflite_parts import done, out_shape, refuse

_TO_NCHW, _TO_NHWC = [0, 3, 1, 2], [0, 2, 3, 1]


def resize(w: Writer, op: Operator) -> None:
    """RESIZE_BILINEAR and RESIZE_NEAREST_NEIGHBOR."""
    shape = out_shape(w, op)
    corners = bool(op.options is not None and op.options.AlignCorners())
    centres = bool(op.options is not None and op.options.HalfPixelCenters())
    linear = op.name == "RESIZE_BILINEAR"
    how = "align_corners" if corners else "half_pixel" if centres else "asymmetric"
    attributes = {
        "mode": "linear" if linear else "nearest",
        "coordinate_transformation_mode": how,
        "nearest_mode": "round_prefer_ceil" if corners else "floor",
    }
    if not linear and centres:
        attributes["nearest_mode"] = "round_prefer_floor"
    x = w.node("Transpose", [w.read(op.inputs[0])], perm=_TO_NCHW)
    sizes = w.ints(shape[0], shape[3], shape[1], shape[2])
    value = w.node("Resize", [x, "", "", sizes], **attributes)
    w.write(op, w.node("Transpose", [value], perm=_TO_NHWC))


def transposed_conv(w: Writer, op: Operator) -> None:
    """TRANSPOSE_CONV(output shape, weight [O, KH, KW, I], x, bias)."""
    weight, x = w.stored(op.inputs[1]), op.inputs[2]
    if weight.data is None or len(weight.shape) != 4 or op.options is None:
        raise refuse(w.graph, op, "its weights must be constant")
    strides = [op.options.StrideH(), op.options.StrideW()]
    kernel = w.dequantized(weight, weight.data.transpose(3, 0, 1, 2), 1)  # [I, O, KH, KW]
    given, made = w.stored(x).shape, out_shape(w, op)
    begin, end, extra = [], [], []
    for place, stride in enumerate(strides):
        full = stride * (given[1 + place] - 1) + weight.shape[1 + place]
        more = full - made[1 + place]  # SAME cuts so much off, the lesser part in front
        begin.append(max(more, 0) // 2 if not op.options.Padding() else 0)
        end.append(max(more - begin[-1], 0))
        extra.append(max(-more, 0))
    inputs = [w.node("Transpose", [w.read(x)], perm=_TO_NCHW), kernel]
    if len(op.inputs) > 3 and op.inputs[3] >= 0:
        inputs.append(w.read(op.inputs[3]))
    value = w.node(
        "ConvTranspose", inputs, strides=strides, pads=[*begin, *end], output_padding=extra
    )
    done(w, op, w.node("Transpose", [value], perm=_TO_NHWC))
