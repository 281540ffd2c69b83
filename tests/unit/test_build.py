"""Stage ``build``: what the linker says, what does not fit, what is refused."""

import os
import re
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

from microformer.build import build, compiler
from microformer.errors import DoesNotFitError, OutputError, TargetError, ToolError
from microformer.targets import TARGETS
from tests.unit.programs import body, project, toy

HOST, M4 = TARGETS["host"], TARGETS["cortex-m4"]
CORES = [t for t in TARGETS.values() if not t.is_host]

TABLE = """#include "toy.h"
const int8_t table[{flash}] = {{1}};
int8_t state[{ram}];
int8_t copied[3000] = {{1}}; /* in flash too, behind the table */
void toy_run(const int8_t *in, int8_t *out, void *arena) {{
  (void)arena;
  const int32_t i = (uint8_t)in[0] * 7;
  state[i] = in[1];
  out[0] = (int8_t)(table[i] + state[(uint8_t)in[2]] + copied[i]);
  copied[i] = in[3];
}}
"""


def test_the_image_lists_the_layers_and_no_debug_data(tmp_path: Path) -> None:
    image = build(toy(), M4, tmp_path)
    assert image.path == tmp_path / "build" / "cortex-m4" / "toy.elf"
    with image.path.open("rb") as file:
        elf = ELFFile(file)
        table = elf.get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        names = {s.name for s in table.iter_symbols()}
        sections = {s.name for s in elf.iter_sections()}
    assert {"layer_00_dot", "layer_01_add", "toy_run", "Reset_Handler"} <= names
    assert not {s for s in sections if s.startswith((".debug", ".ARM.exidx"))}


def test_flash_and_ram_are_the_linkers(tmp_path: Path) -> None:
    """A constant costs flash, a cleared array RAM, an initialised array both, to the byte."""
    declared = {
        "none": "",
        "const": "static const volatile int8_t x[1000] = {1};",
        "data": "static volatile int8_t x[1000] = {1};",
        "bss": "static volatile int8_t x[1000];",
    }
    sizes = {}
    for name, declaration in declared.items():
        source = body("out[0] = x[0];" if declaration else "out[0] = 1;").files["toy.c"]
        made = project(source.replace('"toy.h"\n', f'"toy.h"\n{declaration}\n'))
        image = build(made, M4, tmp_path / name)
        assert image.flash_bytes is not None and image.ram_bytes is not None
        sizes[name] = (image.flash_bytes, image.ram_bytes)
    ram = sizes["none"][1]
    assert ram == 2048 + 24 + 8 + 32  # stack, input, output, arena
    assert [sizes[n][1] - ram for n in ("const", "data", "bss")] == [0, 1000, 1000]
    code = sizes["bss"][0]
    assert [sizes[n][0] - code for n in ("const", "data")] == [1000, 1000]


def test_the_stack_is_reserved_in_ram(tmp_path: Path) -> None:
    small = build(toy(), M4, tmp_path / "a", stack_bytes=1024)
    large = build(toy(), M4, tmp_path / "b", stack_bytes=4096)
    assert small.ram_bytes is not None and large.ram_bytes is not None
    assert large.ram_bytes - small.ram_bytes == 3072
    assert large.stack_reserved_bytes == 4096
    for wrong in (0, 1023, M4.data_memory()[1].size_bytes + 8):
        with pytest.raises(TargetError, match="stack"):
            build(toy(), M4, tmp_path / "c", stack_bytes=wrong)


@pytest.mark.parametrize("target", [t for t in CORES if not t.is_cluster], ids=lambda t: t.name)
def test_kernels_may_use_what_the_core_has(tmp_path: Path, target: object) -> None:
    """The compiler's options give the SIMD instructions where the target lists "dsp"."""
    core = next(t for t in CORES if t is target)
    wanted = "defined" if "dsp" in core.isas else "!defined"
    unaligned = "defined" if core.unaligned_access else "!defined"
    source = f"""#include "toy.h"
#if !({wanted}(__ARM_FEATURE_SIMD32)) || !({unaligned}(__ARM_FEATURE_UNALIGNED))
#error "the target is another"
#endif
void toy_run(const int8_t *in, int8_t *out, void *arena) {{
  int32_t word;
  (void)arena;
  __builtin_memcpy(&word, in, 4);
  __builtin_memcpy(out, &word, 4);
}}
"""
    image = build(project(source), core, tmp_path)
    with image.path.open("rb") as file:
        table = ELFFile(file).get_section_by_name(".symtab")
        assert isinstance(table, SymbolTableSection)
        assert not [s.name for s in table.iter_symbols() if "memcpy" in s.name]


@pytest.mark.parametrize(("memory", "flash", "ram"), [("flash", 1_200_000, 8), ("RAM", 8, 200_000)])
def test_too_large_says_by_how_much(tmp_path: Path, memory: str, flash: int, ram: int) -> None:
    def attempt(less: int) -> None:
        source = TABLE.format(
            flash=flash - less if memory == "flash" else 4000,
            ram=ram - less if memory == "RAM" else 4000,
        )
        build(project(source), M4, tmp_path / str(less))

    with pytest.raises(DoesNotFitError, match=rf"cortex-m4 \(STM32L476.*of {memory} by") as caught:
        attempt(0)
    over = caught.value.over_bytes
    assert caught.value.memory == memory
    assert f"by {over:,} bytes" in str(caught.value)
    with pytest.raises(DoesNotFitError) as again:
        attempt(over - 16)
    assert 0 < again.value.over_bytes <= 16
    attempt(over)


def test_too_large_for_both_memories_names_both(tmp_path: Path) -> None:
    with pytest.raises(DoesNotFitError, match=r"of flash by .*bytes of RAM by") as caught:
        build(project(TABLE.format(flash=1_200_000, ram=200_000)), M4, tmp_path)
    assert caught.value.memory == "flash"


@pytest.mark.parametrize("target", [HOST, M4], ids=lambda t: t.name)
def test_code_that_does_not_compile_is_one_sentence_and_a_log(
    tmp_path: Path, target: object
) -> None:
    with pytest.raises(ToolError, match=r"refused 'toy'.*toy.c.*error.*nonsense") as caught:
        build(body("out[0] = nonsense;"), HOST if target is HOST else M4, tmp_path)
    assert "\n" not in str(caught.value)
    log = re.search(r"'([^']*\.log)'", str(caught.value))
    assert log is not None
    assert "nonsense" in Path(log[1]).read_text("utf-8")
    Path(log[1]).unlink()


def test_a_warning_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))  # for the log
    with pytest.raises(ToolError, match="conversion"):
        build(body("const int32_t wide = in[0] * in[1]; out[0] = wide;"), M4, tmp_path)


def test_missing_compilers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    monkeypatch.setattr("shutil.which", lambda _name: None)
    for target in (HOST, M4):
        with pytest.raises(ToolError, match="pip install ziglang"):
            build(toy(), target, tmp_path)
    with pytest.raises(ToolError, match="gcc or clang"):
        build(toy(), HOST, tmp_path, sanitize=True)


def test_sanitizers_are_for_the_host(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="cortex-m4 has none"):
        build(toy(), M4, tmp_path, sanitize=True)


DAMAGED: dict[str, Callable[[], dict[str, object]]] = {
    "identifier": lambda: {"name": 'toy"; rm'},
    "leaves the folder": lambda: {"files": dict(toy().files) | {"../x.c": ""}},
    "leaves": lambda: {"include_dirs": ("/etc",)},
    "source file": lambda: {"sources": ("toy.c", "other.c")},
    "header": lambda: {"name": "other"},
    "neither int8, int16 nor int32": lambda: {"input_dtype": "float64"},
    "no possible size": lambda: {"input_size": 0},
    "possible size": lambda: {"arena_bytes": 2**31},
    "alignment": lambda: {"arena_alignment": 12},
}


@pytest.mark.parametrize("says", DAMAGED)
def test_a_damaged_project_is_refused_and_nothing_written(tmp_path: Path, says: str) -> None:
    with pytest.raises(OutputError, match=says):
        build(replace(toy(), **DAMAGED[says]()), HOST, tmp_path / "new")  # type: ignore[arg-type]
    assert not (tmp_path / "new").exists()


def test_files_that_are_there_are_kept_but_never_replaced(tmp_path: Path) -> None:
    build(toy(), HOST, tmp_path)
    stamp = (tmp_path / "toy.c").stat().st_mtime_ns
    build(toy(), HOST, tmp_path)
    assert (tmp_path / "toy.c").stat().st_mtime_ns == stamp
    (tmp_path / "toy.c").write_text("mine", "utf-8")
    with pytest.raises(OutputError, match="holds something else"):
        build(toy(), HOST, tmp_path)
    assert (tmp_path / "toy.c").read_text("utf-8") == "mine"


def test_links_out_of_the_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "toy.c").symlink_to(tmp_path / "elsewhere.c")
    with pytest.raises(OutputError, match="link"):
        build(toy(), HOST, tmp_path / "out")
    assert not (tmp_path / "elsewhere.c").exists()


def test_builds_at_the_same_time(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        images = list(pool.map(lambda i: build(toy(), M4, tmp_path / str(i)), range(4)))
    assert len({image.path.read_bytes() for image in images}) == 1


def test_the_compilers_cache_stays_out_of_the_project(tmp_path: Path) -> None:
    build(toy(), M4, tmp_path)
    made = {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file()}
    support = ("toy.elf", "harness.c", "harness_convert.h", "startup_cortex_m.c", "bare_metal.ld")
    assert made == {"toy.h", "toy.c", *(f"build/cortex-m4/{name}" for name in support)}


def test_a_home_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, str]] = []

    def fake(_command: object, *, env: dict[str, str], **_: object) -> object:
        seen.append(env)
        return subprocess.CompletedProcess([], 0, "", "")

    monkeypatch.setattr("subprocess.run", fake)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    for name in ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", os.devnull)
    compiler.compile_and_link(compiler.ziglang(), [])
    ours = Path(seen[0]["ZIG_GLOBAL_CACHE_DIR"])
    assert ours.parent == tmp_path and ours.stat().st_mode & 0o077 == 0
    ours.chmod(0o777)  # anyone could have put something there
    compiler.compile_and_link(compiler.ziglang(), [])
    assert Path(seen[1]["ZIG_GLOBAL_CACHE_DIR"]) != ours
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", "/given")
    compiler.compile_and_link(compiler.ziglang(), [])
    assert seen[2]["ZIG_GLOBAL_CACHE_DIR"] == "/given"
