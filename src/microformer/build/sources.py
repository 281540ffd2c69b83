"""The project's files on disk, and the checks that keep a damaged project from doing harm."""

import re
from importlib import resources
from pathlib import Path, PurePosixPath

from microformer.errors import OutputError
from microformer.graph.project import CProject

INPUT_TYPES = {"int8": "int8_t", "int16": "int16_t", "int32": "int32_t"}
"""C type of the model's input by its NumPy name."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_MOST_BYTES = 2**31 - 1  # every size is an int32 in the program


def check_project(project: CProject) -> None:
    """Refuse, with OutputError, names and sizes that no emitted project has.

    A project may have been read from a folder that anyone could have edited: names reach the
    compiler's command line, and paths the file system.
    """
    paths = (*project.files, *project.sources, *project.include_dirs)
    arenas = (project.arena_bytes + 1, project.l2_bytes + 1)
    sizes = (project.input_size, project.output_size, *arenas)
    alignment = project.arena_alignment
    problem = ""
    names = [port.name for port in (*project.inputs, *project.outputs)]
    kept = [part for s in project.states for part in (s.read, s.written)]
    if not _NAME.fullmatch(project.name):
        problem = "its name is not an identifier of C"
    elif any(_escapes(path) for path in paths):
        problem = "a path in it leaves the folder"
    elif not set(project.sources) <= set(project.files):
        problem = "a source file of it is missing"
    elif f"{project.name}.h" not in project.files:
        problem = f"its header '{project.name}.h' is missing"
    elif project.input_dtype not in INPUT_TYPES:
        problem = f"its inputs are '{project.input_dtype[:20]}', neither int8, int16 nor int32"
    elif any(name and not _NAME.fullmatch(name) for name in names):
        problem = "an input or output of it has a name that is no identifier of C"
    elif any(port.dtype not in INPUT_TYPES for port in (*project.inputs, *project.outputs)):
        problem = "an input or output of it has a type that is none of int8, int16 and int32"
    elif not set(kept) <= set(names) or any(not _NAME.fullmatch(s.field) for s in project.states):
        problem = "a state of it is no input or output"
    elif any(not 0 < size <= _MOST_BYTES for size in sizes):
        problem = "a buffer of it has no possible size"
    elif not 0 < alignment <= 64 or alignment & (alignment - 1):
        problem = "its arena has no possible alignment"
    if problem:
        raise OutputError(f"The C project cannot be built: {problem}; compile the model again.")


def _escapes(path: str) -> bool:
    pure = PurePosixPath(path)
    return pure.is_absolute() or ".." in pure.parts or "\\" in path or "\0" in path


def write_sources(project: CProject, folder: Path, target: str) -> Path:
    """Write what is missing in ``folder`` and return the (new) folder for what building makes."""
    try:
        root = folder.resolve()
        for name, text in project.files.items():
            path = root / name
            if not path.resolve().is_relative_to(root):
                raise OutputError(f"'{path}' is a link out of '{folder}'; remove it.")
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, "utf-8")
            elif path.read_text("utf-8") != text:
                raise OutputError(
                    f"'{path}' holds something else than the project to build; give an empty "
                    "folder."
                )
        place = root / "build" / target
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"'{folder}' cannot be written: {error.strerror}.") from None
    return place


KEPT = ("-Wl,-u,mf_harness_quantize", "-Wl,-u,mf_harness_dequantize")
"""For the linker: what the machine around a core calls and no C does."""


PORTS = "harness_ports.h"
_STATE_MEMORY = ("#if !defined(MF_STATE_MEMORY)", "#define MF_STATE_MEMORY", "#endif")


def ports(project: CProject) -> str:
    """C that takes a row of all inputs and makes one of all outputs, of a project with several.

    ``MF_RUN`` and the conversions have the same form then as those of one input and output.
    """
    name, l2 = project.name, ", l2" if project.l2_bytes else ""
    types = {port.name: INPUT_TYPES[port.dtype] for port in project.inputs}
    given = [f"(const {types[p.name]} *)(const void *)(in + {p.offset})" for p in project.inputs]
    if len(given) == 1:
        given = [f"(const {types[project.inputs[0].name]} *)(const void *)in"]
    made = {port.name: INPUT_TYPES[port.dtype] for port in project.outputs}
    given += [f"({made[p.name]} *)(void *)(out + {p.offset})" for p in project.outputs]
    run = [f"  {name}_run({', '.join(given)}, arena{l2});"]
    if project.states:
        run = _step(project, given, l2)
    lines = [
        "/* Written by microformer.build: the ports of a model side by side in two buffers. */",
        *(_STATE_MEMORY if project.states else ()),
        f"static inline void mf_ports_run(const int8_t *in, int8_t *out, void *arena"
        f"{', void *l2' if l2 else ''}) {{",
        *run,
        "}",
        "",
        "/* Values first at .. at + count of a row; what has no scale goes as its bytes. */",
        "static inline void mf_ports_quantize(const float *x, int8_t *in, int32_t at,",
        "                                     int32_t count) {",
        "  for (int32_t i = 0; i < count; i++) {",
    ]
    alone = len(project.inputs) == 1
    for port in project.inputs:
        if port.real:
            function = f"{name}_quantize" if alone else f"{name}_quantize_one_{port.name}"
            place = f", at + i - {port.offset}" * port.channels
            lines += [
                f"    if (at + i >= {port.offset} && at + i < {port.end}) {{",
                f"      in[i] = {function}(x[i]{place});",
                "      continue;",
                "    }",
            ]
    lines += [
        "    in[i] = (int8_t)(int32_t)x[i];",
        "  }",
        "}",
        "",
        "static inline void mf_ports_dequantize(const int8_t *out, float *y, int32_t at,",
        "                                       int32_t count) {",
        "  (void)at;",
        "  for (int32_t i = 0; i < count; i++) {",
        "    y[i] = (float)out[i];",
    ]
    alone = len(project.outputs) == 1
    for port in (port for port in project.outputs if port.real):
        function = f"{name}_dequantize" if alone else f"{name}_dequantize_one_{port.name}"
        lines += [
            f"    if (at + i >= {port.offset} && at + i < {port.end}) {{",
            f"      y[i] = {function}(out[i]);",
            "    }",
        ]
    return "\n".join([*lines, "  }", "}", ""])


def _step(project: CProject, given: list[str], l2: str) -> list[str]:
    """A step as a firmware does it, its states taken from the row and put behind the outputs.

    The half that is read changes from step to step, and a window moves on, so all are tried.
    """
    name = project.name
    at = {port.name: port for port in (*project.inputs, *project.outputs)}
    kept = {part for s in project.states for part in (s.read, s.written)}
    ports = (*project.inputs, *project.outputs)
    free = [cast for port, cast in zip(ports, given, strict=True) if port.name not in kept]
    lines = [
        f"  static MF_STATE_MEMORY {name}_state_t state; /* what a firmware keeps */",
        "  const int32_t now = state.current & 1;",
        "  (void)now;",
    ]
    for state in project.states:
        port, field = at[state.read], state.field
        place = f"{field}[state.{field}_at + i]" if state.shift else f"{field}[now][i]"
        lines.append(f"  for (int32_t i = 0; i < {port.size}; i++) {{")
        lines.append(f"    state.{place} = in[{port.offset} + i];")
        lines.append("  }")
    lines.append(f"  {name}_step({', '.join(free)}, &state, arena{l2});")
    for state in project.states:
        port, field = at[state.written], state.field
        place = f"{field}[state.{field}_at + i]" if state.shift else f"{field}[1 - now][i]"
        lines.append(f"  for (int32_t i = 0; i < {port.size}; i++) {{")
        lines.append(f"    out[{port.offset} + i] = state.{place};")
        lines.append("  }")
    return lines


def write_harness(project: CProject, place: Path, *files: tuple[str, str]) -> list[Path]:
    """Write the support ``files`` (package, name), and what they include, to ``place``."""
    if project.inputs:
        text = f'#include "{project.name}.h"\n\n{ports(project)}'
        (place / PORTS).write_text(text, "utf-8")
    written = []
    for package, name in (*files, ("build", "harness_convert.h")):
        text = resources.files(f"microformer.{package}").joinpath(name).read_text("utf-8")
        (place / name).write_text(text, "utf-8")
        written.append(place / name)
    return written[:-1]


def defines(project: CProject) -> list[str]:
    """What the harness must know of the project, as options of the compiler."""
    values = {
        "HEADER": f'"{PORTS if project.inputs else f"{project.name}.h"}"',
        "RUN": "mf_ports_run" if project.inputs else f"{project.name}_run",
        "INPUT_TYPE": INPUT_TYPES[project.input_dtype],
        "INPUT_SIZE": project.input_size,
        "OUTPUT_SIZE": project.output_size,
        "ARENA_BYTES": max(project.arena_bytes, 1),  # C has no empty arrays
        "ARENA_ALIGNMENT": project.arena_alignment,
    }
    if project.l2_bytes:
        values["L2_BYTES"] = project.l2_bytes
    if project.inputs:
        values["PORTS"] = 1
    if project.quantizes:
        values["QUANTIZE"] = f"{project.name}_quantize_input"
    if project.dequantizes:
        values["DEQUANTIZE"] = f"{project.name}_dequantize_output"
    return [f"-DMF_{key}={value}" for key, value in values.items()]
