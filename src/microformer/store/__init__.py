"""The compiled model as a folder on disk: written whole or not at all, and read back."""

import dataclasses
import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Any

from microformer.errors import OutputError
from microformer.graph.compiled import Compiled
from microformer.graph.ends import Port
from microformer.graph.float_model import FloatEnd, FloatModel
from microformer.graph.frontend import FRONT_ENDS, FrontEnd
from microformer.graph.project import Buffer, CProject, KeptState, Layer
from microformer.graph.serialize import from_bytes, to_bytes
from microformer.graph.verify import verify
from microformer.reference.proof import prove
from microformer.scratch import write_whole
from microformer.store.folder import MARKER, write_folder
from microformer.targets import target_of, target_record

__all__ = ["MARKER", "keep_report", "kept_report", "open_folder", "save"]

REPORT = "microformer/report.json"

FORMAT = 6
MAX_FILE_BYTES = 1 << 30
_DIGEST = "digest"
_FRONT = "microformer/front_graph"


def save(compiled: Compiled, folder: Path, *, force: bool = False) -> None:
    """Write the C project and, under ``microformer/``, what ``open_folder`` needs.

    Raises OutputError if the folder exists (without ``force``) or is not one of ours.
    """
    structure, constants = to_bytes(compiled.int_graph)
    model, project = compiled.float_model, compiled.project
    manifest = {
        "format": FORMAT,
        "target": target_record(compiled.target),
        "softmax": compiled.softmax,
        "calibrated": compiled.calibrated,
        "float_model": {
            "name": model.name,  # the integer graph has the scales already
            "inputs": [dataclasses.asdict(end) for end in model.inputs],
            "outputs": [dataclasses.asdict(end) for end in model.outputs],
            "states": model.states,
        },
        "project": dataclasses.asdict(project) | {"files": sorted(project.files)},
    }
    files: dict[str, str | bytes] = dict(project.files)
    if compiled.front is not None:
        manifest["front"] = {
            "kind": type(compiled.front.spec).__name__,
            "spec": dataclasses.asdict(compiled.front.spec),  # type: ignore[call-overload]
            "project": dataclasses.asdict(compiled.front.project)
            | {"files": sorted(project.files)},
        }
        text, levels = to_bytes(compiled.front.graph)
        files |= {f"{_FRONT}.json": text, f"{_FRONT}.npz": levels}
    files |= {
        "microformer/int_graph.json": structure,
        "microformer/int_graph.npz": constants,
        "microformer/float.onnx": model.to_bytes(),
    }
    manifest["files"] = {name: _digest(_bytes(files[name])) for name in sorted(files)}
    manifest[_DIGEST] = _digest(_canonical(manifest))
    write_folder(files | {MARKER: json.dumps(manifest, indent=1)}, folder, force=force)


def keep_report(folder: Path, text: str) -> None:
    """Keep the JSON of a run's report in the folder of its program. Raises OutputError."""
    write_whole(folder / REPORT, text)


def kept_report(folder: Path) -> bytes:
    """The JSON of the last run's report. Raises OutputError where the program has not run."""
    if not (folder / MARKER).is_file():
        raise OutputError(f"'{folder}' is not a folder that 'microformer compile' wrote.")
    if not (folder / REPORT).is_file():
        raise OutputError(
            f"'{folder}' holds no report yet; run it first: microformer run {folder} --data "
            "SAMPLES.npz"
        )
    return _read(folder, REPORT)


def _bytes(content: str | bytes) -> bytes:
    return content.encode("utf-8") if isinstance(content, str) else content


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _canonical(manifest: dict[str, Any]) -> bytes:
    """The manifest without its own digest, in one spelling."""
    kept = {key: value for key, value in manifest.items() if key != _DIGEST}
    return json.dumps(kept, sort_keys=True).encode("utf-8")


def open_folder(folder: Path, *, edited: bool = False) -> Compiled:
    """The compiled model in ``folder``, every file of it as it was written.

    ``edited``: C files may have been changed since; they are taken as they are on disk now.
    Raises OutputError for anything else that is damaged, changed or missing.
    """
    marker = folder / MARKER
    if not marker.is_file():
        raise OutputError(
            f"'{folder}' is not a folder that 'microformer compile' wrote (no {MARKER} in it); "
            "compile the model first."
        )
    try:
        manifest = json.loads(_read(folder, MARKER))
        if manifest["format"] != FORMAT:
            raise OutputError(
                f"'{folder}' was written by another version of microformer (format "
                f"{manifest['format']}, this one reads {FORMAT}); compile the model again."
            )
        _check_digests(folder, manifest, edited=edited)
        graph = from_bytes(
            _read(folder, "microformer/int_graph.json").decode("utf-8"),
            _read(folder, "microformer/int_graph.npz"),
        )
        prove(verify(graph, "open"))
        return Compiled(
            target=target_of(manifest["target"], str(marker)),
            softmax=str(manifest["softmax"]),
            calibrated=bool(manifest["calibrated"]),
            float_model=_float_model(folder, manifest["float_model"]),
            int_graph=graph,
            project=_project(folder, manifest["project"]),
            front=_front(folder, manifest["front"]) if "front" in manifest else None,
        )
    except OutputError:
        raise
    except Exception as error:  # whatever is damaged in there, the cure is the same
        raise OutputError(
            f"'{folder}' is damaged (what it says does not fit together); compile the model again."
        ) from error


def _read(folder: Path, name: str) -> bytes:
    """A file of the folder, if it is one and no larger than what we would write."""
    path = folder / name
    if not path.is_file() or path.stat().st_size > MAX_FILE_BYTES:
        raise OutputError(f"'{path}' is missing, no file, or too large; compile the model again.")
    return path.read_bytes()


def _check_digests(folder: Path, manifest: dict[str, Any], *, edited: bool) -> None:
    """OutputError naming the first file that is not what was written."""
    if manifest.get(_DIGEST) != _digest(_canonical(manifest)):
        raise OutputError(f"'{folder / MARKER}' was changed or damaged; compile the model again.")
    for name, digest in manifest["files"].items():
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise OutputError(f"'{folder}' is damaged: a path in it leaves it; compile again.")
        if edited and not name.startswith("microformer/"):
            continue
        if _digest(_read(folder, name)) != digest:
            advice = "" if name.startswith("microformer/") else ", or run it with --edited"
            raise OutputError(
                f"'{folder / name}' was changed or damaged since it was written; compile the "
                f"model again{advice}."
            )


def _front(folder: Path, fields: dict[str, Any]) -> FrontEnd:
    """The front end that ``save`` wrote."""
    spec = FRONT_ENDS[fields["kind"]](**fields["spec"])
    text = _read(folder, f"{_FRONT}.json").decode("utf-8")
    graph = from_bytes(text, _read(folder, f"{_FRONT}.npz"))
    prove(verify(graph, "open"))
    if spec.problem or graph.tensors[graph.inputs[0]].shape != spec.window:
        raise OutputError(f"The front end in '{folder}' is damaged; compile the model again.")
    return FrontEnd(spec, graph, _project(folder, fields["project"]))


def _end(fields: dict[str, Any]) -> FloatEnd:
    places = fields.get("places")
    tuples = {"shape": tuple(fields["shape"]), "places": None if places is None else tuple(places)}
    return FloatEnd(**fields | tuples)


def _float_model(folder: Path, fields: dict[str, object]) -> FloatModel:
    known = dict(fields)
    for ends in ("inputs", "outputs"):
        listed: list[dict[str, Any]] = known[ends]  # type: ignore[assignment]
        known[ends] = tuple(_end(end) for end in listed)
    pairs: list[list[str]] = known["states"]  # type: ignore[assignment]
    known["states"] = tuple((str(read), str(written)) for read, written in pairs)
    return FloatModel(source=_read(folder, "microformer/float.onnx"), **known)  # type: ignore[arg-type]


def _project(folder: Path, fields: dict[str, object]) -> CProject:
    """The project with its files read from disk; no path may leave the folder."""
    names = [str(n) for n in fields["files"]]  # type: ignore[attr-defined]
    for name in names:
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts:
            raise ValueError(f"path '{name}' leaves the folder")
    known = {k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()}
    known["files"] = {name: _read(folder, name).decode("utf-8") for name in names}
    for ends in ("inputs", "outputs"):
        known[ends] = tuple(Port(**port) for port in fields[ends])  # type: ignore[attr-defined]
    layers: list[dict[str, Any]] = fields["layers"]  # type: ignore[assignment]
    known["layers"] = tuple(Layer(**item | {"reads": tuple(item["reads"])}) for item in layers)
    known["states"] = tuple(KeptState(**item) for item in fields["states"])  # type: ignore[attr-defined]
    known["buffers"] = tuple(Buffer(**item) for item in fields["buffers"])  # type: ignore[attr-defined]
    return CProject(**known)  # type: ignore[arg-type]


def __dir__() -> list[str]:
    return __all__
