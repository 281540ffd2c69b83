"""The integers of a front end: levels of the network's own input, by power."""

import numpy as np

from microformer.errors import ModelError
from microformer.graph import ops
from microformer.graph.frontend import RangeDoppler, SensorFrontEnd
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.tensor import Array, QParams, Tensor, constant
from microformer.graph.verify import verify
from microformer.reference.proof import prove
from microformer.reference.range_doppler import OUTPUT_SHIFT, middle_magnitudes


def front_graph(spec: SensorFrontEnd, network: IntGraph) -> IntGraph:
    """The program that makes one window of the input of ``network``. Raises ModelError."""
    if not isinstance(spec, RangeDoppler):  # the one that there is
        raise ModelError(f"There is no program of the front end {type(spec).__name__}.")
    target = network.tensors[network.inputs[0]]
    if spec.problem:
        raise ModelError(f"The front end is not possible: {spec.problem}.")
    if target.qparams is None or target.shape[-3:] != spec.map or len(target.shape) > 4:
        raise ModelError(
            f"The front end makes maps of {list(spec.map)} values, but the input '{target.name}' "
            f"of the model is {target.dtype} {list(target.shape)}; it must be [windows, "
            f"{', '.join(map(str, spec.map))}] real values."
        )
    if target.channels is not None:
        raise ModelError(
            f"The input '{target.name}' of the model has a scale for each channel; compile it "
            "together with the front end, which gives it one."
        )
    tensors = (
        Tensor("samples", spec.window, "int16"),
        constant("levels", levels(spec, target.qparams)),
        Tensor("window", spec.map, "int8", target.qparams),
    )
    op = ops.RangeDoppler(spec.step, 2 if spec.bits == 16 else 0)
    node = Node("range_doppler", op, ("samples", "levels"), "window")
    name = f"{network.name[:38]}_features"
    graph = IntGraph(
        *(name, {t.name: t for t in tensors}, (node,), ("samples",), ("window",)), kind="front end"
    )
    prove(verify(graph, "front end"))
    return graph


def levels(spec: RangeDoppler, qparams: QParams) -> Array:
    """int8 [3072]: the network's input for each entry of powers, equation (13g)."""
    # samples of 14 bits are four times as large to the FFT as those of 16
    scale = 2.0 ** (OUTPUT_SHIFT if spec.bits == 16 else OUTPUT_SHIFT - 2)
    counts = np.minimum(np.floor(middle_magnitudes() * scale / spec.count + 0.5), 255)
    return qparams.quantize(counts.astype(np.float32) / np.float32(spec.unit))
