"""An IntGraph as bytes and back: JSON for the structure, an .npz for the constants; no pickle."""

import dataclasses
import io
import json
import math
from typing import Any

import numpy as np

from microformer.graph import ops
from microformer.graph.arrays import read_npz
from microformer.graph.int_graph import IntGraph, Node, ProgramKind
from microformer.graph.tensor import Array, Channels, QParams, Tensor

MAX_CONSTANT_BYTES = 1 << 30
"""The most that the constants of a graph may take: no microcontroller holds more."""

_OPS: dict[str, type[ops.Op]] = {
    cls.__name__: cls
    for cls in vars(ops).values()
    if isinstance(cls, type) and issubclass(cls, ops.Op) and cls is not ops.Op
}


def to_bytes(graph: IntGraph) -> tuple[str, bytes]:
    """(JSON text, npz bytes) that hold the whole graph."""
    arrays: dict[str, Array] = {}
    tensors: list[dict[str, Any]] = []
    for tensor in graph.tensors.values():
        record = {f.name: getattr(tensor, f.name) for f in dataclasses.fields(tensor)}
        record["qparams"] = dataclasses.asdict(tensor.qparams) if tensor.qparams else None
        del record["channels"]
        if tensor.channels is not None:
            record["channels"] = dataclasses.asdict(tensor.channels)
        if tensor.data is not None:
            key = f"c{len(arrays)}"
            arrays[key] = tensor.data
            record["data"] = key
        tensors.append(record)
    nodes = [
        {"name": n.name, "op": n.op.kind, "attributes": _plain(n.op)}
        | {"inputs": n.inputs, "output": n.output}
        for n in graph.nodes
    ]
    structure: dict[str, Any] = {
        "name": graph.name,
        "inputs": graph.inputs,
        "outputs": graph.outputs,
    }
    structure |= {"notes": graph.notes} if graph.notes else {}
    structure |= {"kind": graph.kind} if graph.kind != "network" else {}
    structure |= {"states": graph.states} if graph.states else {}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return json.dumps(structure | {"tensors": tensors, "nodes": nodes}, indent=1), buffer.getvalue()


_RECORDS: dict[str, type[Any]] = _OPS | {cls.__name__: cls for cls in (ops.LutExp, ops.IbertExp)}
"""What an operation may have among its attributes, by the name of its class."""


def _plain(record: Any) -> dict[str, Any]:
    """The fields of an operation; a record among them has its class as ``kind``."""
    found = {}
    for field in dataclasses.fields(record):
        value = getattr(record, field.name)
        if dataclasses.is_dataclass(value):
            value = {"kind": type(value).__name__, **_plain(value)}
        found[field.name] = value
    return found


def _tuples(value: Any) -> Any:
    """JSON lists back to the tuples that ops hold, and records to their classes."""
    if isinstance(value, dict):
        fields = {key: _tuples(item) for key, item in value.items() if key != "kind"}
        return _RECORDS[value["kind"]](**fields)
    return tuple(map(_tuples, value)) if isinstance(value, list) else value


def from_bytes(structure: str, constants: bytes) -> IntGraph:
    """The graph that ``to_bytes`` wrote. Raises ValueError or KeyError where it is damaged."""
    record = json.loads(structure)
    arrays = read_npz(constants, MAX_CONSTANT_BYTES)
    tensors: dict[str, Tensor] = {}
    for item in record["tensors"]:
        fields = {key: _tuples(v) for key, v in item.items() if key not in ("qparams", "channels")}
        fields["qparams"] = QParams(**item["qparams"]) if item["qparams"] else None
        if "channels" in item:
            fields["channels"] = Channels(**{k: _tuples(v) for k, v in item["channels"].items()})
        fields["data"] = arrays[item["data"]] if item["data"] else None
        tensors[item["name"]] = Tensor(**fields)
    nodes = tuple(
        Node(
            item["name"],
            _OPS[item["op"]](**{k: _tuples(v) for k, v in item["attributes"].items()}),
            tuple(item["inputs"]),
            item["output"],
        )
        for item in record["nodes"]
    )
    ends = tuple(record["inputs"]), tuple(record["outputs"])
    notes = tuple(str(note) for note in record.get("notes", ()))
    kind: ProgramKind = "front end" if record.get("kind") == "front end" else "network"
    states = tuple((str(read), str(written)) for read, written in record.get("states", ()))
    return IntGraph(record["name"], tensors, nodes, *ends, notes, kind, states)


def finite(value: Any) -> Any:
    """Plain data with None for every number that is not finite: JSON knows no others."""
    if isinstance(value, dict):
        return {k: finite(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
