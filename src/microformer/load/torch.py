"""Modules and exported programs of torch into ONNX, by the dynamo exporter, imported late."""

import contextlib
import io
import logging
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import onnx

from microformer.errors import ModelError
from microformer.load.functions import OPSET
from microformer.load.torch_buffers import changed_buffers, name_states, remembering, rename

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

    ``example`` is one input, a tensor or array with batch 1 in front; a tuple or list of several,
    in order; or a dict of them by the names of the module's arguments. Nothing is written to disk.
    Raises ModelError if there is no example or torch cannot export the module.
    """
    import torch  # noqa: PLC0415  torch is optional

    if example is None:
        raise ModelError("A torch module needs an example input: load(module, example=tensor).")
    arguments, named = _arguments(example)
    fast = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # its fused layers have no ONNX form
    modes = {name: part.training for name, part in module.named_modules()}
    module.eval()
    try:
        with _silence(), torch.no_grad():
            if buffers := changed_buffers(module, arguments, named):
                wrapped = remembering(module, tuple(buffers), named)
                given = (*arguments, *(named or {}).values(), *buffers.values())
                proto = _exported(wrapped, given)
                name_states(proto, module, tuple(buffers), named)
                return proto
            try:
                return _exported(module, arguments, named)
            except Exception as error:
                if "scaled_dot_product_attention" not in f"{error} {error.__cause__}":
                    raise
            # its translation takes four axes: windows of heads have five
            program = torch.export.export(module, arguments, named)
            merged = {torch.ops.aten.scaled_dot_product_attention.default: _four_axes}
            table = torch.export.default_decompositions()
            table.update(merged)  # type: ignore[no-untyped-call]
            return _exported(program.run_decompositions(table))
    except ModelError:
        raise
    except Exception as error:
        raise ModelError(f"torch.onnx.export cannot export the module: {_reason(error)}") from None
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for name, part in module.named_modules():
            part.training = modes[name]


def _arguments(example: Any) -> tuple[tuple[Any, ...], dict[str, Any] | None]:
    """(positional, by name) tensors of what the user gave; float64 becomes float32.

    A tuple is one input a part; a list is that where it holds arrays or tensors, else it is data.
    """
    import torch  # noqa: PLC0415  torch is optional

    def tensor(data: Any) -> "torch.Tensor":
        made = data if isinstance(data, torch.Tensor) else torch.as_tensor(np.asarray(data))
        return (made.float() if made.dtype == torch.float64 else made).detach()

    if isinstance(example, Mapping):
        return (), {str(name): tensor(data) for name, data in example.items()}
    several = isinstance(example, tuple) or (
        isinstance(example, list) and all(hasattr(part, "shape") for part in example)
    )
    return (tuple(map(tensor, example)) if several else (tensor(example),)), None


def _exported(
    source: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
) -> onnx.ModelProto:
    import torch  # noqa: PLC0415  torch is optional

    made = torch.onnx.export(
        source, arguments, kwargs=named, dynamo=True, opset_version=OPSET, verbose=False
    )
    if made is None:
        raise ModelError("torch.onnx.export gave no model.")
    proto = made.model_proto
    _name_outputs(proto, made.exported_program)
    return proto


def _name_outputs(proto: onnx.ModelProto, program: Any) -> None:
    """Outputs that a module returns by name are called so; the exporter names the operation."""
    spec = getattr(getattr(program, "call_spec", None), "out_spec", None)
    keys = getattr(spec, "context", None)
    if isinstance(keys, (list, tuple)) and len(keys) == 2 and isinstance(keys[0], (list, tuple)):
        keys = keys[0]  # of a dataclass: its fields, and which of them are None
    names = [value.name for value in proto.graph.output]
    if not isinstance(keys, (list, tuple)) or not all(isinstance(k, str) for k in keys):
        return
    if len(keys) != len(names) or len(set(names)) != len(names):
        return
    new = dict(zip(names, keys, strict=True))
    taken = {name for node in proto.graph.node for name in (*node.input, *node.output)}
    taken |= {value.name for value in proto.graph.input}
    if taken & (set(keys) - set(names)):
        return
    rename(proto.graph, new, (*proto.graph.output, *proto.graph.value_info))


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
