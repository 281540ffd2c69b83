"""Buffers that a module's ``forward`` changes, as states: inputs and outputs of its export."""

import inspect
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import onnx

from microformer.errors import ModelError
from microformer.load.states import STATES

if TYPE_CHECKING:
    import torch

Named = dict[str, Any] | None


def changed_buffers(
    module: "torch.nn.Module", arguments: tuple[Any, ...], named: Named
) -> dict[str, "torch.Tensor"]:
    """The buffers of real numbers that one call changes, as they were before; they are put back.

    Raises ModelError for one that does not begin at zero.
    """
    before = {
        name: (held, held.detach().clone())
        for name, held in module.named_buffers()
        if held.is_floating_point()
    }
    if not before:
        return {}
    try:
        module(*arguments, **(named or {}))
        changed = {
            name: value
            for name, (_, value) in before.items()
            if not _same(module.get_buffer(name), value)
        }
    except Exception:  # whatever the module raises: the exporter tells it better
        return {}
    finally:
        for name, (held, value) in before.items():
            owner, _, last = name.rpartition(".")
            held.copy_(value)
            module.get_submodule(owner)._buffers[last] = held
    for name, value in changed.items():
        if bool(value.any()):
            raise ModelError(
                f"The buffer '{name}', which forward changes, does not begin at zero, as a state "
                "does; set it to zero before, or make it an input and an output."
            )
    return changed


def _same(a: "torch.Tensor", b: "torch.Tensor") -> bool:
    import torch  # noqa: PLC0415  torch is optional

    return a.shape == b.shape and torch.equal(a, b)


def remembering(
    module: "torch.nn.Module", buffers: Sequence[str], named: Named
) -> "torch.nn.Module":
    """A module of the same inputs, then the buffers, and the same outputs, then the buffers."""
    import torch  # noqa: PLC0415  torch is optional
    from torch.nn.utils import stateless  # noqa: PLC0415

    class Remembering(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = module

        def forward(self, *values: Any) -> Any:
            given, kept = values[: len(values) - len(buffers)], values[-len(buffers) :]
            swapped = {name: value.clone() for name, value in zip(buffers, kept, strict=True)}
            with stateless._reparametrize_module(self.inner, swapped):
                if named is None:
                    made = self.inner(*given)
                else:
                    made = self.inner(**dict(zip(named, given, strict=True)))
                after = [self.inner.get_buffer(name) for name in buffers]
            return made, *after

    return Remembering().train(module.training)


def name_states(
    proto: onnx.ModelProto, module: "torch.nn.Module", buffers: Sequence[str], named: Named
) -> None:
    """Inputs as ``forward`` calls them, states as their buffers, what is written ``<buffer>.next``.

    The pairs go into the model's metadata (``load.states``).
    """
    graph, count = proto.graph, len(buffers)
    parameters = list(named or inspect.signature(module.forward).parameters)
    wanted = [*parameters[: len(graph.input) - count], *buffers]
    if len(wanted) == len(graph.input):
        new = {v.name: name for v, name in zip(graph.input, wanted, strict=True)}
        rename(graph, new, (*graph.input, *graph.output, *graph.value_info))
    pairs = []
    for value, name in zip(graph.output[-count:], buffers, strict=True):
        written = f"{name}.next"
        graph.node.append(onnx.helper.make_node("Identity", [value.name], [written], written))
        value.name = written
        pairs.append((name, written))
    proto.metadata_props.add(key=STATES, value=json.dumps(pairs))


def rename(
    graph: onnx.GraphProto, names: Mapping[str, str], values: Iterable[onnx.ValueInfoProto]
) -> None:
    """Give nodes' inputs and outputs, and the declared ``values``, other names."""
    for value in values:
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        for place in (node.input, node.output):
            renamed = [names.get(name, name) for name in place]
            del place[:]
            place.extend(renamed)
