"""Modules and exported programs of torch into ONNX, by the dynamo exporter, imported late."""

import contextlib
import io
import logging
import warnings
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import onnx

from microformer.errors import ModelError
from microformer.load.functions import OPSET

if TYPE_CHECKING:
    import torch


def as_module(source: object) -> "torch.nn.Module | None":
    """``source`` if it is a torch.nn.Module, without importing torch to find out; else None."""
    for cls in type(source).__mro__:
        if cls.__module__ == "torch.nn.modules.module" and cls.__name__ == "Module":
            return cast("torch.nn.Module", source)
    return None


def as_program(source: object) -> "torch.export.ExportedProgram | None":
    """``source`` if it is a torch.export.ExportedProgram, without importing torch; else None."""
    for cls in type(source).__mro__:
        if cls.__module__.startswith("torch.export") and cls.__name__ == "ExportedProgram":
            return cast("torch.export.ExportedProgram", source)
    return None


def export_program(program: "torch.export.ExportedProgram") -> onnx.ModelProto:
    """The ONNX form of a program that torch.export made. Raises ModelError if there is none."""
    import torch  # noqa: PLC0415  torch is optional

    try:
        with _silence():
            made = torch.onnx.export(program, dynamo=True, opset_version=OPSET, verbose=False)
        if made is None:
            raise ModelError("torch.onnx.export gave no model.")
        return made.model_proto
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"torch.onnx.export cannot export the program: {_reason(error)}") from None


def _reason(error: Exception) -> str:
    return " ".join(str(error.__cause__ or error).split())[:300]


def export_module(module: "torch.nn.Module", example: Any) -> onnx.ModelProto:
    """Export a module in eval mode; its training flags are restored afterwards.

    ``example`` is one input, a tensor or array with batch 1 in front. Nothing is written to disk.
    Raises ModelError if there is no example or torch cannot export the module.
    """
    import torch  # noqa: PLC0415  torch is optional

    if example is None:
        raise ModelError("A torch module needs an example input: load(module, example=tensor).")
    tensor = example if isinstance(example, torch.Tensor) else torch.as_tensor(np.asarray(example))
    if tensor.dtype == torch.float64:
        tensor = tensor.float()
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # its fused layers have no ONNX form
    modes = {name: part.training for name, part in module.named_modules()}
    module.eval()
    try:
        with _silence(), torch.no_grad():
            try:
                return _exported(module, (tensor.detach(),))
            except Exception as error:
                if "scaled_dot_product_attention" not in f"{error} {error.__cause__}":
                    raise
            # its translation takes four axes: windows of heads have five
            program = torch.export.export(module, (tensor.detach(),))
            merged = {torch.ops.aten.scaled_dot_product_attention.default: _four_axes}
            table = torch.export.default_decompositions()
            table.update(merged)
            return _exported(program.run_decompositions(table))
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"torch.onnx.export cannot export the module: {_reason(error)}") from None
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for name, part in module.named_modules():
            part.training = modes[name]


def _exported(source: Any, arguments: tuple[Any, ...] | None = None) -> onnx.ModelProto:
    import torch  # noqa: PLC0415  torch is optional

    made = torch.onnx.export(source, arguments, dynamo=True, opset_version=OPSET, verbose=False)
    if made is None:
        raise ModelError("torch.onnx.export gave no model.")
    return made.model_proto


def _four_axes(
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    attn_mask: "torch.Tensor | None" = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    """Attention [..., H, S, P], its leading axes as products: for fewer axes as it is."""
    import torch  # noqa: PLC0415  torch is optional

    if query.dim() <= 4 or attn_mask is not None or enable_gqa:
        return NotImplemented
    lead = query.shape[:-2]
    logits = query @ key.transpose(-2, -1) * (query.shape[-1] ** -0.5 if scale is None else scale)
    if is_causal:
        allowed = torch.ones(logits.shape[-2:], dtype=torch.bool, device=query.device).tril()
        logits = logits.masked_fill(~allowed, float("-inf"))
    return (logits.softmax(-1) @ value).reshape(*lead, query.shape[-2], value.shape[-1])


@contextlib.contextmanager
def _silence() -> Any:
    """Keep the exporter's progress lines, log records and deprecation warnings to itself."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
