"""The emitted C project is one that an engineer would accept."""

import ctypes
import re
import shutil
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile
from hypothesis import given, settings, strategies

import microformer
from microformer import pipeline
from microformer.build import build
from microformer.emit import emit
from microformer.emit.header import header
from microformer.emit.names import Names, comment, identifier, project_name
from microformer.emit.reserved import RESERVED
from microformer.graph.int_graph import IntGraph
from microformer.graph.project import CProject
from microformer.graph.tensor import Array, QParams
from microformer.lower import lower
from microformer.plan import plan
from microformer.reference import evaluate
from microformer.run import run
from microformer.targets import TARGETS, Target
from tests.cases import CASES, bundle, bundle_inputs, linear

POSIX_2017 = """aio assert complex cpio ctype dirent dlfcn errno fcntl fenv float fmtmsg fnmatch ftw
glob grp iconv inttypes iso646 langinfo libgen limits locale math monetary mqueue ndbm netdb
nl_types poll pthread pwd regex sched search semaphore setjmp signal spawn stdarg stdbool stddef
stdint stdio stdlib string strings stropts syslog tar termios tgmath time trace ulimit unistd utime
utmpx wchar wctype wordexp"""
"""Its headers that lie in no folder."""

STRICT = [
    "-std=c11",
    "-O2",
    "-Wall",
    "-Wextra",
    "-Wconversion",
    "-Wpedantic",
    "-Wshadow",
    "-Werror",
]
CC = next((c for c in ("gcc", "clang", "cc") if shutil.which(c)), "")
CXX = next((c for c in ("g++", "clang++") if shutil.which(c)), "")
needs_cc = pytest.mark.skipif(not CC, reason="no C compiler on PATH")


def project(graph: IntGraph | None = None) -> CProject:
    """Every kernel's project, or that of a graph."""
    made = graph or bundle([case for case in CASES if not case.alone])
    return emit(plan(lower(made, TARGETS["host"], isas=("dsp", "ref"))))


def write(made: CProject, folder: Path) -> Path:
    """The project on disk."""
    for name, text in made.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


@needs_cc
def test_strict_compilers_accept_it(tmp_path: Path) -> None:
    made = project()
    folder = write(made, tmp_path)
    for source in made.sources:
        output = str(folder / f"{source}.o")
        subprocess.run(
            [CC, *STRICT, "-I", str(folder), "-c", str(folder / source), "-o", output], check=True
        )


@needs_cc
def test_no_state_and_no_library(tmp_path: Path) -> None:
    """Nothing in .data or .bss, nothing undefined but its own symbols: no malloc, no memcpy."""
    made = project()
    folder = write(made, tmp_path)
    undefined, defined = set(), set()
    for source in made.sources:
        path = folder / f"{source}.o"
        flags = ["-std=c11", "-O2", "-ffreestanding", "-I", str(folder)]
        subprocess.run([CC, *flags, "-c", str(folder / source), "-o", str(path)], check=True)
        with path.open("rb") as file:
            elf = ELFFile(file)
            for section in elf.iter_sections():
                if section.name.startswith((".data", ".bss")) and ".rel.ro" not in section.name:
                    assert section["sh_size"] == 0, section.name
            table = elf.get_section_by_name(".symtab")
            assert table is not None
            for symbol in table.iter_symbols():  # type: ignore[attr-defined]
                if symbol["st_shndx"] == "SHN_UNDEF":
                    undefined.add(symbol.name)
                else:
                    defined.add(symbol.name)
    allowed = {"", "_GLOBAL_OFFSET_TABLE_", "memset", "memcpy"}  # a compiler may make loops calls
    assert undefined - defined <= allowed
    text = "".join(made.files.values())
    assert not re.search(r"\b(malloc|free|printf)\s*\(", text)


@pytest.mark.skipif(not CXX, reason="no C++ compiler on PATH")
def test_the_header_is_good_for_cpp(tmp_path: Path) -> None:
    folder = write(project(), tmp_path)
    (folder / "use.cpp").write_text(
        '#include "cases.h"\nint main() { return CASES_ARENA_ALIGNMENT; }'
    )
    flags = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-I", str(folder), "-fsyntax-only"]
    subprocess.run([CXX, *flags, str(folder / "use.cpp")], check=True)


@needs_cc
def test_the_readme_example_compiles(tmp_path: Path) -> None:
    made = project(bundle([linear(2, 8, 3)]))
    folder = write(made, tmp_path)
    found = re.search(r"```c\n(.*?)```", made.files["README.md"], re.DOTALL)
    assert found is not None
    (folder / "use.c").write_text(found[1])
    flags = [*STRICT, "-I", str(folder), "-fsyntax-only"]
    subprocess.run([CC, *flags, str(folder / "use.c")], check=True)


SCALES = strategies.floats(1e-8, 1e8, allow_nan=False)
ALWAYS = (1 / 255, 2 / 255, 1 / 127.5, 1 / 128, 0.1, 3.7, 1e-8, 1e8)


def _around(qparams: QParams, rng: np.random.Generator) -> Array:
    """float32 [n] at, and next to, the edges between levels, and anywhere else."""
    scale, levels = np.float32(qparams.scale), np.arange(-140, 140, dtype=np.float32)
    edges = scale * (levels - np.float32(qparams.zero_point) + np.float32(0.5))
    near = [edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf)]
    ends = np.linspace(-1, 1, 257, dtype=np.float32)  # what images are normalised to
    drawn = (rng.normal(0, 80, 500) * scale).astype(np.float32)
    odd = np.array([0.0, -0.0, 3e38, -3e38, np.inf, -np.inf])
    everything: Array = np.concatenate([*near, ends, drawn, odd]).astype(np.float32)
    return everything


@needs_cc
@settings(max_examples=6, deadline=None)
@given(
    strategies.lists(
        strategies.tuples(SCALES, strategies.integers(-128, 127)), min_size=20, max_size=40
    )
)
def test_the_conversions_in_c_equal_those_in_numpy(drawn: list[tuple[float, int]]) -> None:
    """Any scale: what C reads of its printed digits is the float32 that NumPy rounds it to."""
    quants = [QParams(s, z) for s in ALWAYS for z in (-128, 0, 127)]
    quants += [QParams(s, z) for s, z in drawn]
    graph = bundle([linear(1, 1, 1)])
    x, y = graph.tensors["x"], graph.tensors["y"]
    placed = plan(lower(graph, TARGETS["host"]))
    with tempfile.TemporaryDirectory() as name:
        folder, uses = Path(name), []
        for index, qparams in enumerate(quants):
            changed = {
                **placed.graph.tensors,
                "x": replace(x, qparams=qparams),
                "y": replace(y, qparams=qparams),
            }
            text = header(
                replace(placed, graph=replace(placed.graph, tensors=changed)), f"n{index}"
            )
            (folder / f"n{index}.h").write_text(text)
            uses.append(
                f'#include "n{index}.h"\n'
                f"void q{index}(const float *x, int8_t *q, int32_t n);\n"
                f"void d{index}(const int8_t *q, float *x, int32_t n);\n"
                f"void q{index}(const float *x, int8_t *q, int32_t n) {{\n"
                f"  n{index}_quantize_input(x, q, n);\n}}\n"
                f"void d{index}(const int8_t *q, float *x, int32_t n) {{\n"
                f"  n{index}_dequantize_output(q, x, n);\n}}\n"
            )
        (folder / "use.c").write_text("".join(uses))
        flags = [*STRICT, "-shared", "-fPIC", "-I", name, "-fsanitize=undefined"]
        flags += ["-fno-sanitize-recover=all"]
        path = str(folder / "use.so")
        subprocess.run([CC, *flags, str(folder / "use.c"), "-o", path], check=True)
        library, rng = ctypes.CDLL(path), np.random.default_rng(0)
        levels = np.arange(-128, 128).astype(np.int8)
        for index, qparams in enumerate(quants):
            given_x = _around(qparams, rng)
            got, real = np.empty(len(given_x), np.int8), np.empty(256, np.float32)
            for function, before, after in (("q", given_x, got), ("d", levels, real)):
                getattr(library, f"{function}{index}")(
                    ctypes.c_void_p(before.ctypes.data),
                    ctypes.c_void_p(after.ctypes.data),
                    before.size,
                )
            np.testing.assert_array_equal(got, qparams.quantize(given_x), str(qparams))
            np.testing.assert_array_equal(
                real.view(np.uint32), qparams.real(levels).view(np.uint32), str(qparams)
            )


def _example(made: CProject, target: Target, count: int) -> CProject:
    """A project whose "network" is the README's example, word for word: floats in, class out."""
    found = re.search(r"```c\n(.*?)```", made.files["README.md"], re.DOTALL)
    assert found is not None
    call = "*(volatile int *)(void *)out = classify((const float *)(const void *)in);"
    body = f"  (void)arena;\n  {call}\n"
    return replace(
        made,
        name="wrap",
        files={
            **made.files,
            "wrap.h": "#include <stdint.h>\n"
            "void wrap_run(const int8_t *in, int8_t *out, void *arena);\n",
            "wrap.c": f'#include "wrap.h"\n{found[1]}\n'
            f"void wrap_run(const int8_t *in, int8_t *out, void *arena) {{\n{body}}}\n",
        },
        sources=(*made.sources, "wrap.c"),
        input_size=4 * count,
        output_size=4,
        arena_bytes=0,
        l2_bytes=0,
        quantizes=False,
        dequantizes=False,
        layers=(),
    )


@pytest.mark.parametrize("name", ["host", "cortex-m0plus", "cortex-m4", "cortex-m55", "pulp-ri5cy"])
def test_the_readme_example_runs_as_printed(name: str, tmp_path: Path) -> None:
    """On one core, and on a cluster, where every core has to come to every barrier."""
    target = TARGETS[name]
    graph = bundle([linear(6, 8, 12)])
    made = emit(plan(lower(graph, target), target))
    example = _example(made, target, graph.tensors["x"].size)
    entry = graph.tensors["x"].qparams
    assert entry is not None
    spread = 100 * entry.scale
    x = np.random.default_rng(1).normal(0, spread, (9, graph.tensors["x"].size)).astype(np.float32)
    image = build(example, target, tmp_path)
    classes = run(example, image, x.view(np.int8), target, profile=False).outputs.view(np.int32)
    qparams = graph.tensors["x"].qparams
    assert qparams is not None
    scores = evaluate(graph, qparams.quantize(x).reshape(9, *graph.tensors["x"].shape))["y"]
    assert classes.ravel().tolist() == scores.reshape(9, -1).argmax(axis=1).tolist()
    assert len(set(classes.ravel().tolist())) > 1


def _headers_of_this_machine() -> set[str]:
    """The first names of all headers that a compiler here finds by one."""
    roots = [Path("/usr/include"), *Path("/usr/lib/gcc").glob("*/*/include")]
    roots += [*Path("/usr/lib/arm-none-eabi").glob("include")]
    return {path.stem for root in roots for path in root.glob("*.h")}


def test_no_project_is_called_as_something_else() -> None:
    """C, C++, POSIX, keywords, CMake; and what this machine's compilers find for certain."""
    for name in RESERVED:
        assert project_name(name) == f"m_{name}", name
        assert project_name(name.upper()) == f"m_{name}"
    for text in ("signal", "limits", "assert", "errno", "math", "time", "string", "memory"):
        assert text in RESERVED
    for text in ("stddef", "stdint", "features", "test", "all", "clean", "help", "install", "m"):
        assert text in RESERVED
    standard = set(POSIX_2017.split())
    assert standard <= RESERVED
    assert not {project_name(w) for w in RESERVED} & RESERVED
    assert project_name("mf_linear") == "m_mf_linear"


@needs_cc
def test_every_header_of_this_machine_is_still_found_beside_a_project_of_its_name(
    tmp_path: Path,
) -> None:
    """Each name of a header as a model's; the files never meet one, all compile together."""
    names = sorted(_headers_of_this_machine() & RESERVED | set(POSIX_2017.split()))
    files: dict[str, str] = {}
    placed = plan(lower(bundle([linear(2, 5, 3)]), TARGETS["host"]))
    for name in names:
        renamed = replace(placed, graph=replace(placed.graph, name=name))
        files |= emit(renamed).files
    for path in files:
        assert Path(path).stem not in names, path
    here = write(replace(emit(placed), files=files), tmp_path)
    system = [f"#include <{n}.h>" for n in names if Path(f"/usr/include/{n}.h").is_file()]
    skipped = ("error", "values", "regexp", "varargs", "re_comp")
    system = [line for line in system if not any(f"<{s}.h>" in line for s in skipped)]
    ours = [f'#include "{p}"' for p in files if "/" not in p and p.endswith(".h")]
    use = here / "use.c"
    use.write_text(
        "#define _GNU_SOURCE\n"
        + "\n".join([*system, *ours, *system, "int main(void) { return 0; }"])
    )
    for compiler, standard in ((CC, "-std=c11"), (CXX, "-xc++")):
        if compiler:
            flags = [standard, "-Wno-cpp", "-fsyntax-only", "-I", str(here)]
            subprocess.run([compiler, *flags, str(use)], check=True)


@pytest.mark.parametrize("name", ["int8", "clock", "pthread", "va", "size", "posix_memalign"])
def test_constants_never_have_a_name_of_the_library(name: str) -> None:
    """int8 and t, clock and gettime, va and list: a prefix and a tensor that make a known word."""
    symbols = Names(project_name(name))
    for tensor in ("t", "gettime", "create", "list", ""):
        assert "_w_" in symbols(tensor)


def test_a_debug_build_asserts_the_alignment(tmp_path: Path) -> None:
    made = project(bundle([linear(2, 24, 9)]))
    folder = write(made, tmp_path)
    (folder / "use.c").write_text(
        '#include "cases.h"\n#include <stdlib.h>\n'
        "static _Alignas(16) uint8_t arena[CASES_ARENA_BYTES + 16];\n"
        "static int8_t in[CASES_INPUT_SIZE], out[CASES_OUTPUT_SIZE];\n"
        "int main(int count, char **words) {\n"
        "  (void)words;\n  cases_run(in, out, arena + count - 1);\n  return 0;\n}\n"
    )
    sources = [str(folder / s) for s in (*made.sources, "use.c")]
    program = str(folder / "use")
    command = [CC, "-std=c11", "-DMF_DEBUG", "-I", str(folder), *sources, "-o", program]
    subprocess.run(command, check=True)
    assert subprocess.run([program], check=False).returncode == 0
    for offset in (1, 2, 4):
        done = subprocess.run([program, *"x" * offset], check=False, capture_output=True)
        assert done.returncode != 0 and b"(uintptr_t)arena" in done.stderr


def test_identifiers() -> None:
    assert identifier("Encoder.Layer/0") == "encoder_layer_0"
    assert identifier("9x") == "m_9x"
    assert identifier("层") == "model"
    assert len(identifier("a" * 300)) <= 48
    names = Names("net")
    given = [names(n) for n in ("a.b", "a/b", "a b", "A-B", "a.b")]
    assert len(set(given)) == 4 and given[0] == given[4]


def test_comments_cannot_be_left() -> None:
    for text in ("*/ int x; /*", "a\nb", "??/\n", "\\", "x" * 500):
        made = comment(text)
        assert "*/" not in made and "/" not in made and "\n" not in made and "\\" not in made
        assert len(made) <= 120
    assert comment("17x32 -> 17x64") == "17x32 -> 17x64"


@needs_cc
def test_hostile_names_make_harmless_c(tmp_path: Path) -> None:
    graph = bundle([linear(2, 5, 3)])
    evil = '*/ #error "out" /*'
    nodes = tuple(
        type(n)(f"{evil}{i}", n.op, n.inputs, n.output) for i, n in enumerate(graph.nodes)
    )
    made = project(IntGraph(evil, graph.tensors, nodes, graph.inputs, graph.outputs))
    folder = write(made, tmp_path)
    source = str(folder / made.sources[0])
    subprocess.run([CC, *STRICT, "-I", str(folder), "-fsyntax-only", source], check=True)


@pytest.mark.skipif(not shutil.which("cmake") or not CC, reason="no CMake on PATH")
def test_cmake_builds_it(tmp_path: Path) -> None:
    folder = write(project(bundle([linear(2, 5, 3)])), tmp_path)
    build = tmp_path / "build"
    subprocess.run(["cmake", "-S", str(folder), "-B", str(build)], check=True, capture_output=True)
    subprocess.run(["cmake", "--build", str(build)], check=True, capture_output=True)
    assert list(build.glob("*cases*"))


def test_large_weights_are_strings_of_every_byte(tmp_path: Path) -> None:
    """All 256 bytes, quotes, backslashes, ``?`` and digits behind octals among them."""
    weight = np.resize(np.arange(256), (160, 160)).astype(np.uint8).view(np.int8)
    case = linear(3, 160, 160)
    mult, add = (np.asarray(case.operands[place]) // 4 for place in (2, 3))  # larger sums
    operands = (case.operands[0], weight, mult, add, *case.operands[4:])
    graph = bundle([replace(case, operands=operands)])
    text = emit(plan(lower(graph, TARGETS["host"]))).files["cases_weights.c"]
    assert text.count('    "') == -(-weight.size // 23) and max(map(len, text.splitlines())) <= 100
    assert "-Wunterminated-string-initialization" in text
    x = bundle_inputs([replace(case, operands=operands)], 4)
    for name in ("host", "cortex-m4"):  # both compilers refuse any warning
        assert pipeline.measure_graph(graph, x, TARGETS[name]).bit_exact


def test_small_weights_stay_numbers() -> None:
    text = emit(plan(lower(bundle([linear(3, 16, 16)]), TARGETS["host"]))).files["cases_weights.c"]
    assert '"    ' not in text and "Wunterminated" not in text


def test_every_emitted_file_says_licence_and_version() -> None:
    files = emit(plan(lower(bundle([linear(2, 5, 3)]), TARGETS["pulp-ri5cy"]))).files
    licence = (Path(__file__).parents[2] / "LICENSE").read_text("utf-8")
    assert files["mf/LICENSE"] == licence
    for path, content in files.items():
        if path == "mf/LICENSE":
            continue
        identifier = "LicenseRef-Model" if "weights" in path else "Apache-2.0"
        head = content.splitlines()[:6]
        assert f"SPDX-License-Identifier: {identifier}" in head[0], path
        assert any(f"microformer {microformer.__version__}" in line for line in head), path


def test_every_kernel_header_says_its_licence() -> None:
    kernels = Path(microformer.__file__).parent / "kernels"
    for path in sorted(kernels.rglob("*.h")):
        first = path.read_text("utf-8").splitlines()[0]
        assert first == "/* SPDX-License-Identifier: Apache-2.0 */", path
