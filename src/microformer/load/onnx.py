"""An ONNX file, bytes or model object into an onnx-ir model of opset 23, with hostile sizes bound.

Nothing here evaluates the model. What is checked: the file is ONNX, holds the data that its tensors
claim, no more than ``MAX_BYTES`` of it, external data stays inside the model's own folder, and the
onnx checker has no complaint.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import onnx
import onnx.checker
import onnx.shape_inference
import onnx_ir as ir
from onnx.external_data_helper import ExternalDataInfo, uses_external_data

from microformer.errors import ModelError, near_names
from microformer.load.exported import read_exported
from microformer.load.opsets import first_line, name_domains, name_unknown, upgrade
from microformer.load.states import STATES
from microformer.load.tflite_ops import tflite_to_onnx
from microformer.load.torch import export_module

MAX_BYTES = 1 << 30
"""Limit of a file, of one tensor, and of all external data together."""
MAX_NODES = 50_000
"""Limit of nodes, those of inlined functions counted once a call."""

_SUFFIXES = {
    ".pt": "a PyTorch file may run code when it is read, so microformer never does: load the "
    "module in Python and give it to microformer.load, or export it with torch.onnx.export",
}
_SUFFIXES[".pth"] = _SUFFIXES[".ckpt"] = _SUFFIXES[".pkl"] = _SUFFIXES[".pt"]
_SUFFIXES[".keras"] = _SUFFIXES[".h5"] = (
    "Keras runs what such a file names when it reads it: convert it where TensorFlow is, with "
    "tf.lite.TFLiteConverter.from_keras_model(model).convert(), and give the .tflite file"
)


def read_file(path: Path) -> ir.Model:
    """Read and check an ONNX or TFLite file; ModelError names it and says what is wrong."""
    if path.is_dir():
        raise ModelError(f"{path} is a folder: give the .onnx file in it.")
    if not path.exists():
        raise ModelError(f"The model file {path} does not exist{near_names(path)}: check the path.")
    if not path.is_file():
        raise ModelError(f"{path} is a device or a pipe: give a file that has an end.")
    advice = _SUFFIXES.get(path.suffix.lower())
    if advice is not None:
        raise ModelError(f"Cannot load {path}: {advice}.")
    if path.suffix.lower() not in (".onnx", ".tflite", ".pt2"):
        raise ModelError(
            f"Cannot load {path}: only .onnx, .tflite and .pt2 files are read; export the model to "
            "ONNX."
        )
    if path.stat().st_size > MAX_BYTES:
        raise ModelError(f"{path} is larger than 1 GiB: no microcontroller holds such a model.")
    if path.suffix.lower() == ".pt2":
        return read_proto(export_module(*read_exported(path, MAX_BYTES)), str(path))
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"Cannot read {path}: {error.strerror}.") from None
    if path.suffix.lower() == ".tflite":
        return read_proto(tflite_to_onnx(data, str(path)), str(path))
    return read_bytes(data, str(path), path.parent)


def read_bytes(data: bytes, label: str, folder: Path | None = None) -> ir.Model:
    """Parse and check serialised ONNX; external data may lie in ``folder`` only."""
    if not data:
        raise ModelError(f"{label} is empty: export the model again.")
    if data[4:8] == b"TFL3":
        return read_proto(tflite_to_onnx(data, label), label)
    try:
        proto = onnx.load_model_from_string(data)
    except Exception:  # protobuf has an error class for each of its implementations
        raise ModelError(
            f"{label} is no ONNX model or is cut short: export or copy it again."
        ) from None
    return read_proto(proto, label, folder)


def read_proto(proto: onnx.ModelProto, label: str, folder: Path | None = None) -> ir.Model:
    """Check a ModelProto, bring it to opset 23 and make it an onnx-ir model."""
    if not proto.graph.node or not proto.graph.output:
        raise ModelError(f"{label} is no ONNX model or is cut short: it has no graph.")
    _check_size(proto, label)
    own = onnx.ModelProto()
    own.CopyFrom(proto)
    _check_tensors(own, label, folder)
    _drop_initialised_inputs(own.graph)
    _sort_nodes(own.graph)
    # before version 4 initializers had to be inputs too, which a dozen old files leave out
    own.ir_version = max(own.ir_version, 4)
    name_domains(own)
    name_unknown(own)
    try:
        if not all(o.type.tensor_type.HasField("shape") for o in own.graph.output):
            own = onnx.shape_inference.infer_shapes(own)  # the checker wants shapes there
        onnx.checker.check_model(own)
    except Exception as error:  # onnx's C++ has an error class for each of its parts
        raise ModelError(f"{label} is not valid ONNX: {first_line(error)}") from None
    model = upgrade(own, label)
    for entry in proto.metadata_props:
        if entry.key == STATES:
            model.metadata_props[STATES] = entry.value
    return model


def _check_size(proto: onnx.ModelProto, label: str) -> None:
    """Count nodes as they will be once functions are inlined, without inlining them."""
    functions = {(f.domain, f.name): f for f in proto.functions}
    sizes: dict[tuple[str, str], int] = {}

    def count(nodes: Iterator[onnx.NodeProto], depth: int) -> int:
        if depth > 64:
            raise ModelError(f"{label} nests functions or graphs too deeply.")
        total = 0
        for node in nodes:
            key = (node.domain, node.op_type)
            if key in functions and key not in sizes:
                sizes[key] = count(iter(functions[key].node), depth + 1)
            total += 1 + sizes.get(key, 0)
            for attribute in node.attribute:
                for graph in (
                    *([attribute.g] if attribute.HasField("g") else []),
                    *attribute.graphs,
                ):
                    total += count(iter(graph.node), depth + 1)
        return total

    total = count(iter(proto.graph.node), 0)
    if total > MAX_NODES:
        raise ModelError(f"{label} has {total} nodes; microformer reads at most {MAX_NODES}.")


def _tensors(proto: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Every tensor of a model: initialisers and attributes, of subgraphs and functions too."""

    def of_nodes(nodes: Iterator[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
        for node in nodes:
            for attribute in node.attribute:
                if attribute.HasField("t"):
                    yield attribute.t
                yield from attribute.tensors
                for graph in (
                    *([attribute.g] if attribute.HasField("g") else []),
                    *attribute.graphs,
                ):
                    yield from of_graph(graph)

    def of_graph(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
        yield from graph.initializer
        yield from of_nodes(iter(graph.node))

    yield from of_graph(proto.graph)
    for function in proto.functions:
        yield from of_nodes(iter(function.node))


def _check_tensors(proto: onnx.ModelProto, label: str, folder: Path | None) -> None:
    total = 0
    for tensor in _tensors(proto):
        name = tensor.name or "(unnamed)"
        if any(d < 0 for d in tensor.dims):
            raise ModelError(f"Tensor {name!r} of {label} has a negative dimension.")
        if tensor.data_type == onnx.TensorProto.STRING:
            continue
        try:
            bits = ir.DataType(tensor.data_type).bitwidth
        except (ValueError, TypeError):
            raise ModelError(f"Tensor {name!r} of {label} has an unknown data type.") from None
        need = math.ceil(math.prod(tensor.dims) * bits / 8)
        total += need
        if total > MAX_BYTES:
            raise ModelError(f"The tensors of {label} take more than 1 GiB, at {name!r}.")
        if uses_external_data(tensor):
            _load_external(tensor, need, label, folder)
        elif tensor.HasField("raw_data") and len(tensor.raw_data) != need:
            raise ModelError(
                f"Tensor {name!r} of {label} has {len(tensor.raw_data)} bytes of data where its "
                f"shape needs {need}: export the model again."
            )


def _load_external(tensor: onnx.TensorProto, need: int, label: str, folder: Path | None) -> None:
    """Read external data into the tensor, from a file directly inside the model's folder tree."""
    what = f"Tensor {tensor.name!r} of {label} keeps its data in another file"
    if folder is None:
        raise ModelError(f"{what}: give the path of the .onnx file, or export without that.")
    try:
        info = ExternalDataInfo(tensor)
    except (ValueError, TypeError):
        raise ModelError(f"{what} at a place that is no number: export the model again.") from None
    root = folder.resolve()
    path = (root / info.location).resolve()
    if Path(info.location).is_absolute() or not path.is_relative_to(root):
        raise ModelError(f"{what}, outside the model's folder, which is refused.")
    if not path.is_file():
        raise ModelError(f"{what}, {info.location}, which is missing: copy it beside the model.")
    offset = info.offset or 0
    if offset < 0 or path.stat().st_size < offset + need:
        raise ModelError(f"{what}, {info.location}, which is cut short: copy it again.")
    with path.open("rb") as file:
        file.seek(offset)
        tensor.raw_data = file.read(need)
    tensor.data_location = onnx.TensorProto.DEFAULT
    del tensor.external_data[:]


def _drop_initialised_inputs(graph: onnx.GraphProto) -> None:
    """Inputs with a default value (the old way to list weights) are constants here."""
    constants = {tensor.name for tensor in graph.initializer}
    kept = [value for value in graph.input if value.name not in constants]
    del graph.input[:]
    graph.input.extend(kept)


def _sort_nodes(graph: onnx.GraphProto) -> None:
    """Nodes in an order in which each is computed before it is read; the file's own, if so."""
    made = {name for node in graph.node for name in node.output if name}
    known = {value.name for value in graph.input} | {t.name for t in graph.initializer} | {""}
    rest, ordered = list(graph.node), []
    while rest:
        waiting = []
        for node in rest:
            if all(name in known or name not in made for name in node.input):
                ordered.append(node)
                known.update(node.output)
            else:
                waiting.append(node)
        if len(waiting) == len(rest):
            return  # a circle: the checker says so
        rest = waiting
    if any(a is not b for a, b in zip(ordered, graph.node, strict=True)):
        copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in ordered]
        del graph.node[:]
        graph.node.extend(copies)
