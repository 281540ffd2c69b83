"""The integers of a front end: the network's own input, of a sensor's samples."""

import numpy as np

from microformer.errors import ModelError
from microformer.graph import ops
from microformer.graph.frontend import LogMel, RangeDoppler, SensorFrontEnd
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.ops_audio import CEPSTRUM_BITS, LOG_BITS
from microformer.graph.tensor import Array, QParams, Tensor, constant
from microformer.graph.verify import verify
from microformer.quantize.scales import scale_integers
from microformer.reference.log_mel import LOG_LIMIT, logarithms, twiddles
from microformer.reference.proof import prove
from microformer.reference.range_doppler import OUTPUT_SHIFT, middle_magnitudes


def front_graph(spec: SensorFrontEnd, network: IntGraph) -> IntGraph:
    """The program that makes one window of the input of ``network``. Raises ModelError."""
    target = network.tensors[network.inputs[0]]
    if spec.problem:
        raise ModelError(f"The front end is not possible: {spec.problem}.")
    if target.qparams is None or not _made_of(target.shape, spec.map):
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
    match spec:
        case RangeDoppler():
            label, op, constants = "range_doppler", *_radar(spec, target.qparams)
        case LogMel():
            label, op, constants = "log_mel", *_sound(spec, target.qparams)
        case _:
            raise ModelError(f"There is no program of the front end {type(spec).__name__}.")
    samples = Tensor("samples", spec.window, "int16")
    window = Tensor("window", spec.map, "int8", target.qparams)
    node = Node(label, op, ("samples", *(t.name for t in constants)), "window")
    name = f"{network.name[:38]}_features"
    tensors = {t.name: t for t in (samples, *constants, window)}
    graph = IntGraph(name, tensors, (node,), ("samples",), ("window",), kind="front end")
    prove(verify(graph, "front end"))
    return graph


def _made_of(shape: tuple[int, ...], row: tuple[int, ...]) -> bool:
    """Whether an input of ``shape`` is one ``row`` or windows of such."""
    return shape[-len(row) :] == row and len(shape) - len(row) in (0, 1)


def _radar(spec: RangeDoppler, qparams: QParams) -> tuple[ops.Op, tuple[Tensor, ...]]:
    op = ops.RangeDoppler(spec.step, 2 if spec.bits == 16 else 0)
    return op, (constant("levels", levels(spec, qparams)),)


def _sound(spec: LogMel, qparams: QParams) -> tuple[ops.Op, tuple[Tensor, ...]]:
    """Tables of equation (18); a level is ``(logarithm / 256 - offset) / unit`` as quantised."""
    cosines = np.floor(spec.cosines() * 2**CEPSTRUM_BITS + 0.5).astype(np.int16)
    reach = LOG_LIMIT * max(1, int(np.abs(cosines.astype(int)).sum(axis=1).max(initial=0)))
    limit = (reach >> CEPSTRUM_BITS) + 1 if spec.cepstra else LOG_LIMIT
    ratio = 1.0 / (2**LOG_BITS * spec.unit * qparams.scale)
    offset = round(spec.offset * 2**LOG_BITS)
    op = ops.LogMel(
        round(spec.floor * 2**LOG_BITS), *scale_integers(ratio, limit, offset, qparams.zero_point)
    )
    counted, bands = spec.counted(), np.array(spec.bands, np.int16)
    weights = [
        row[first : first + count] for row, (first, count) in zip(counted, bands, strict=True)
    ]
    tables = [
        constant("hann", spec.hann()),
        constant("twiddles", twiddles(spec.fft)),
        constant("bands", bands),
        constant("weights", np.concatenate(weights)),
        constant("logarithms", logarithms()),
    ]
    return op, (*tables, constant("cosines", cosines)) if spec.cepstra else tuple(tables)


def levels(spec: RangeDoppler, qparams: QParams) -> Array:
    """int8 [3072]: the network's input for each entry of powers, equation (13g)."""
    # samples of 14 bits are four times as large to the FFT as those of 16
    scale = 2.0 ** (OUTPUT_SHIFT if spec.bits == 16 else OUTPUT_SHIFT - 2)
    counts = np.minimum(np.floor(middle_magnitudes() * scale / spec.count + 0.5), 255)
    return qparams.quantize(counts.astype(np.float32) / np.float32(spec.unit))
