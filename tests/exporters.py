"""torch's older exporter, for tests that want to see what it writes."""

import io
import warnings
from typing import Any

import torch
from torch import nn


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
