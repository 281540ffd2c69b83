"""The emitted C project is one that an engineer would accept."""

import ctypes
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from elftools.elf.elffile import ELFFile

from cases import CASES, bundle, linear
from microformer.emit import emit
from microformer.emit.names import Names, comment, identifier
from microformer.graph.int_graph import IntGraph
from microformer.graph.project import CProject
from microformer.graph.tensor import Quant
from microformer.lower import lower
from microformer.plan import plan
from microformer.targets import TARGETS

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
    (folder / "use.c").write_text(f"int classify(const float *x);\n{found[1]}")
    flags = [*STRICT, "-I", str(folder), "-fsyntax-only"]
    subprocess.run([CC, *flags, str(folder / "use.c")], check=True)


@needs_cc
@pytest.mark.parametrize(("scale", "zero"), [(0.1, 0), (1 / 255, -128), (3.7, 127), (1e-6, 5)])
def test_quantising_in_c_equals_quantising_in_numpy(
    tmp_path: Path, scale: float, zero: int
) -> None:
    graph = bundle([linear(1, 1, 1)])
    x = graph.tensors["x"]
    object.__setattr__(x, "quant", Quant(scale, zero))
    folder = write(project(graph), tmp_path)
    (folder / "use.c").write_text(
        '#include "cases.h"\nvoid go(const float *x, int8_t *q, int32_t n);\n'
        "void go(const float *x, int8_t *q, int32_t n) { cases_quantize_input(x, q, n); }\n"
    )
    library = folder / "use.so"
    flags = [*STRICT, "-shared", "-fPIC", "-I", str(folder)]
    subprocess.run([CC, *flags, str(folder / "use.c"), "-o", str(library)], check=True)
    rng = np.random.default_rng(0)
    levels = np.arange(-140, 140)
    edges = np.float32(scale) * (levels - zero + np.float32(0.5))
    given = np.concatenate(
        [
            *(edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf)),
            *(rng.normal(0, scale * 80, 4000), [0.0, -0.0, 3e38, -3e38, np.inf, -np.inf]),
        ]
    ).astype(np.float32)
    got = np.empty(len(given), np.int8)
    ctypes.CDLL(str(library)).go(
        ctypes.c_void_p(given.ctypes.data), ctypes.c_void_p(got.ctypes.data), len(given)
    )
    np.testing.assert_array_equal(got, Quant(scale, zero).quantize(given))


def test_identifiers() -> None:
    assert identifier("Encoder.Layer/0") == "encoder_layer_0"
    assert identifier("int") == "m_int"
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
