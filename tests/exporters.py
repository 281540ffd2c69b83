"""torch's older exporter and onnxruntime's quantiser, for tests that read what they write."""

import io
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
from torch import nn

from microformer.graph.tensor import Array


def legacy_export(module: nn.Module, x: torch.Tensor, opset: int = 17, **more: Any) -> bytes:
    """The module as torch's older exporter writes it: everything in small operators."""
    stream: Any = io.BytesIO()  # its older form takes a stream, its types do not say so
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # its fused kernels have no ONNX form
    try:
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")
            torch.onnx.export(module, (x,), stream, dynamo=False, opset_version=opset, **more)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
    return bytes(stream.getvalue())


class Samples(CalibrationDataReader):  # type: ignore[misc]
    """Calibration samples [N, ...] for onnxruntime's quantiser."""

    def __init__(self, name: str, x: Array) -> None:
        self._rest: Iterator[dict[str, Array]] = iter([{name: sample[None]} for sample in x])

    def get_next(self) -> dict[str, Array] | None:
        """The next feed, None behind the last."""
        return next(self._rest, None)


def quantized(data: bytes, x: Array, folder: Path, **options: Any) -> bytes:
    """A float ONNX model as onnxruntime's quantize_static makes it int8, in QDQ form."""
    source, target = folder / "float.onnx", folder / "qdq.onnx"
    source.write_bytes(data)
    name = onnx.load_model(io.BytesIO(data)).graph.input[0].name
    quantize_static(source, target, Samples(name, x), quant_format=QuantFormat.QDQ, **options)
    return target.read_bytes()
