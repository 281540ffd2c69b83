"""A file of torch.export.save (.pt2) as a torch module, by what it says and nothing it runs.

torch's own reader evaluates text of the file and falls back to pickle. But all that matters stands
there as data: a graph in JSON, whose nodes name operators of ATen, and weights as plain bytes. So
the graph is built anew of operators looked up by name; what is anything else is refused. The form
is that of torch 2.8 and later (torch/_export/serde/schema.py, torch/export/pt2_archive).
"""

import json
import keyword
import math
import operator
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from microformer.errors import ModelError
from microformer.load.exported_archive import Archive

if TYPE_CHECKING:
    import torch

_TARGET = re.compile(r"torch\.ops\.aten\.([A-Za-z]\w*)\.([A-Za-z]\w*)")
_NAME = re.compile(r"\w+(\.\w+)*", re.ASCII)
"""Of weights and inputs: torch.fx writes them into Python that it compiles."""
_SIZES = {
    f"_operator.{name}": getattr(operator, name)
    for name in ("add", "sub", "mul", "floordiv", "mod", "neg", "eq", "ne", "lt", "le", "gt", "ge")
}
"""What such a graph does with sizes."""
_MADE = {"arange", "empty", "eye", "full", "linspace", "ones", "scalar_tensor", "tril_indices"}
_MADE |= {"triu_indices", "zeros"}
"""Operators that read no tensor and yet nothing outside the graph."""
_MOST_ELEMENTS = 1 << 26
_MEMORY_FORMATS = {1: "contiguous_format", 2: "channels_last", 3: "channels_last_3d"}
_MEMORY_FORMATS |= {4: "preserve_format"}
_PLAIN = {"as_int", "as_ints", "as_bool", "as_bools", "as_string"}


def read_exported(path: Path, most: int) -> tuple["torch.nn.Module", tuple["torch.Tensor", ...]]:
    """The module of a .pt2 file, and zeros for each of its inputs, a dynamic batch being 1.

    ``most`` bounds the bytes that are read. Raises ModelError where the file is broken, names
    anything but operators of ATen, holds pickles, or keeps a state between calls.
    """
    try:
        import torch  # noqa: F401, PLC0415  torch is optional
    except ImportError:
        raise ModelError(
            f"Cannot load {path}: a .pt2 file needs torch (pip install torch); or export the "
            "model to ONNX."
        ) from None
    try:
        with zipfile.ZipFile(path) as archive:
            return _Reader(Archive(archive, str(path), most)).module()
    except ModelError:
        raise
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError):
        raise ModelError(
            f"{path} is no .pt2 file of torch.export.save or is cut short: save it again."
        ) from None
    except (KeyError, IndexError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise ModelError(
            f"{path} is at odds with the form of torch.export.save ({type(error).__name__}: "
            f"{' '.join(str(error).split())[:80]}): save it again with torch 2.8 or later."
        ) from None


class _Reader:
    """The graph under construction."""

    def __init__(self, archive: Archive) -> None:
        self._archive, self._fail = archive, archive.fail
        self._known: dict[str, Any] = {}  # nodes of the graph by the names that the file has

    def module(self) -> tuple["torch.nn.Module", tuple["torch.Tensor", ...]]:
        """The graph as a module, and its example inputs."""
        import torch  # noqa: PLC0415
        from torch import fx  # noqa: PLC0415

        if not self._archive.has("models/model.json"):
            raise self._fail(
                "it has no models/model.json: save the program again with torch 2.8 or later, or "
                "export it to ONNX"
            )
        if self._archive.has("byteorder") and self._archive.read("byteorder") != b"little":
            raise self._fail("its weights are big-endian: save it on a little-endian machine")
        described = self._archive.json("models/model.json")["graph_module"]
        graph, signature = described["graph"], described["signature"]
        holder, made, examples = torch.nn.Module(), fx.Graph(), []
        tensors = self._archive.tensors()
        for spec in signature["input_specs"]:
            ((kind, what),) = spec.items()
            if kind == "user_input":
                name, shape = self._user_input(what["arg"], graph["tensor_values"])
                if not name.isidentifier() or keyword.iskeyword(name):
                    raise self._fail(f"an input is called '{name[:40]}', which is no name")
                self._known[name] = made.placeholder(name)
                examples.append(shape)
            elif kind in ("parameter", "buffer", "tensor_constant"):
                held = what[f"{kind}_name"]
                if not _NAME.fullmatch(held):
                    raise self._fail(f"a tensor is called '{held[:40]}', which is no name")
                _hold(holder, held, tensors[held], is_parameter=kind == "parameter")
            else:
                raise self._fail(f"it has an input that is no tensor ({kind})")
        for spec in signature["input_specs"]:  # behind the placeholders, as a graph wants it
            ((kind, what),) = spec.items()
            if kind != "user_input":
                self._known[what["arg"]["name"]] = made.get_attr(what[f"{kind}_name"])
        for node in graph["nodes"]:
            self._node(made, node)
        made.output(self._result(described, signature["output_specs"]))
        made.lint()
        return fx.GraphModule(holder, made), tuple(examples)

    def _user_input(
        self, argument: dict[str, Any], values: dict[str, Any]
    ) -> tuple[str, "torch.Tensor"]:
        import torch  # noqa: PLC0415

        if "as_tensor" not in argument:
            raise self._fail("it has an input that is no tensor; wrap the module and export again")
        name = argument["as_tensor"]["name"]
        meta, shape = values[name], []
        for axis, size in enumerate(meta["sizes"]):
            if "as_int" not in size and axis:
                raise self._fail(
                    f"axis {axis} of input '{name}' is dynamic: export it with fixed sizes"
                )
            shape.append(size.get("as_int", 1))
        if math.prod(shape) > _MOST_ELEMENTS:
            raise self._fail(f"input '{name}' is {shape}: no microcontroller holds such a sample")
        kind = getattr(torch, self._archive.dtype(meta["dtype"], name))
        return name, torch.zeros(shape, dtype=kind)

    def _node(self, made: Any, node: dict[str, Any]) -> None:
        """One call; its results by the names that the file has for them."""
        target = node["target"]
        given = {entry["name"]: self._value(entry["arg"]) for entry in node["inputs"]}
        if target in _SIZES:
            call = made.call_function(_SIZES[target], tuple(given.values()))
        elif isinstance(target, str) and target.startswith("torch.ops.aten._assert"):
            return  # about sizes, which are fixed here
        else:
            function = self._operator(target)
            call = made.call_function(function, *_placed(function, given))
        names = [_named(output) for output in node["outputs"]]
        if len(names) == 1 and isinstance(names[0], str):
            self._known[names[0]] = call
            return
        parts = names[0] if len(names) == 1 else names
        for place, name in enumerate(parts):
            if isinstance(name, str) and name:
                self._known[name] = made.call_function(operator.getitem, (call, place))

    def _operator(self, target: Any) -> Any:
        """An operator of ATen that computes of its operands alone."""
        import torch  # noqa: PLC0415

        match = _TARGET.fullmatch(target) if isinstance(target, str) else None
        function = None
        if match is not None:
            packet = getattr(torch.ops.aten, match[1], None)
            function = getattr(packet, match[2], None)
        if function is None or not hasattr(function, "_schema"):
            raise self._fail(
                f"it calls '{str(target)[:80]}', which is no operator of ATen: export the module "
                "again without it"
            )
        kinds = [str(a.type) for a in function._schema.arguments]
        if match is not None and match[1] not in _MADE and not any("Tensor" in k for k in kinds):
            raise self._fail(f"it calls '{str(target)[:80]}', which reads no tensor")
        return function

    def _value(self, argument: dict[str, Any]) -> Any:
        """An argument: a node, a plain value, a type, or a list of such."""
        import torch  # noqa: PLC0415

        ((kind, value),) = argument.items()
        if kind in _PLAIN:
            return value
        if kind == "as_float":
            return float(value)  # infinities are text
        if kind == "as_floats":
            return [float(part) for part in value]
        if kind in ("as_none", "as_device", "as_layout"):
            return None
        if kind == "as_tensor":
            return self._known[value["name"]]
        if kind == "as_tensors":
            return [self._known[part["name"]] for part in value]
        if kind == "as_optional_tensors":
            return [self._value(part) for part in value]
        if kind == "as_scalar_type":
            return getattr(torch, self._archive.dtype(value, "a result"))
        if kind == "as_memory_format":
            return getattr(torch, _MEMORY_FORMATS[value])
        if kind in ("as_sym_int", "as_sym_bool", "as_sym_float"):
            return self._size(value)
        if kind in ("as_sym_ints", "as_sym_bools", "as_sym_floats"):
            return [self._size(part) for part in value]
        raise self._fail(f"an operand of it is of a kind that is not known ({kind[:40]})")

    def _size(self, value: dict[str, Any]) -> Any:
        ((kind, held),) = value.items()
        if kind == "as_name":
            return self._known[held]
        return float(held) if kind == "as_float" else held

    def _result(self, described: dict[str, Any], specs: list[dict[str, Any]]) -> Any:
        """What the graph gives: a value, a tuple of them, or a dict where the module gives one."""
        values = []
        for spec in specs:
            ((kind, what),) = spec.items()
            if kind != "user_output":
                raise self._fail(
                    f"it changes what it holds ({kind}), and a compiled program keeps nothing "
                    "between calls"
                )
            values.append(self._value(what["arg"]))
        calls = described.get("module_call_graph") or [{}]
        form = (calls[0].get("signature") or {}).get("out_spec") or "[1, {}]"
        outer = json.loads(form)[1]
        if outer.get("type") == "builtins.dict":
            keys = json.loads(outer["context"])
            if len(keys) == len(values):
                return dict(zip(map(str, keys), values, strict=True))
        return values[0] if len(values) == 1 else tuple(values)


def _placed(function: Any, given: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Arguments by place and by keyword, as the operator's schema has them."""
    placed, named = [], {}
    for argument in function._schema.arguments:
        if argument.kwarg_only:
            if argument.name in given:
                named[argument.name] = given[argument.name]
        else:
            placed.append(given.get(argument.name, argument.default_value))
    return tuple(placed), named


def _named(output: dict[str, Any]) -> Any:
    """The name of a result; a list of names where an operator gives a list."""
    ((kind, value),) = output.items()
    if kind == "as_tensor":
        return value["name"]
    if kind == "as_tensors":
        return [part["name"] for part in value]
    return value.get("as_name", "") if isinstance(value, dict) else ""


def _hold(holder: Any, name: str, data: "torch.Tensor", *, is_parameter: bool) -> None:
    """``data`` at ``holder.name``, whose dots are modules."""
    import torch  # noqa: PLC0415

    *path, last = name.split(".")
    for part in path:
        if not hasattr(holder, part):
            holder.add_module(part, torch.nn.Module())
        holder = holder.get_submodule(part)
    if is_parameter:
        holder.register_parameter(last, torch.nn.Parameter(data, requires_grad=False))
    else:
        holder.register_buffer(last, data)
