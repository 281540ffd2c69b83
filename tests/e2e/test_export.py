"""Packages: as each ecosystem's own rules want them, and every example built and run.

The examples run on this computer against a few lines that stand for the ecosystem's own calls
(``STAND_INS``): what is printed must be what the reference computes. The library is also compiled
by GCC for the core, with the flags that its README names, where that compiler is.
"""

import json
import re
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import cmake
import ninja
import numpy as np
import pytest
import torch
import yaml
from idf_component_tools.manager import ManifestManager
from platformio.package.manifest.parser import ManifestParserFactory
from platformio.package.manifest.schema import ManifestSchema
from torch import nn

import microformer
from microformer import store, targets
from microformer.cli import main
from microformer.demo import demo_paths
from microformer.errors import OutputError, TargetError
from microformer.export import ECOSYSTEMS, example_outputs
from microformer.graph.compiled import Compiled
from tests.models import TokensAndRows

FORMS = tuple(ECOSYSTEMS)
STAND_INS = {
    "zephyr/kernel.h": "",
    "zephyr/sys/printk.h": "#include <stdio.h>\n#define printk printf\n",
    "pico/stdlib.h": "#include <stdbool.h>\nstatic inline bool stdio_init_all(void) "
    "{ return true; }\n",
    "Arduino.h": """
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
struct Monitor {
  void begin(long) {}
  void print(const char *text) { printf("%s", text); }
  void print(long value) { printf("%ld", value); }
  void println(long value) { printf("%ld\\n", value); }
  void println(unsigned long value) { printf("%lu\\n", value); }
};
static Monitor Serial;
static inline unsigned long micros() { return 0; }
static inline void delay(int) { exit(0); }
""",
}
ENTRY = {
    "arduino": '#include "Arduino.h"\n#include SKETCH\nint main() { setup(); for (;;) loop(); }\n',
    "esp-idf": "void app_main(void);\nint main(void) { app_main(); return 0; }\n",
    "stm32cube": '#include "app_NAME.h"\nint main(void) { MX_NAME_Init(); MX_NAME_Process(); }\n',
}


@pytest.fixture(scope="module")
def demo() -> Compiled:
    with demo_paths() as paths, np.load(paths.calibration) as file:
        model = microformer.load(paths.model, name="digits")
        return microformer.compile(model, file["x"], "nucleo-f446re", effort="low")


@pytest.fixture(scope="module")
def several() -> Compiled:
    generator = np.random.default_rng(0)
    x: dict[str, Any] = {
        "tokens": generator.integers(0, 20, (8, 6)),
        "rows": generator.standard_normal((8, 6, 8)).astype(np.float32),
    }
    torch.manual_seed(0)
    example = {"tokens": torch.as_tensor(x["tokens"][:1]), "rows": torch.as_tensor(x["rows"][:1])}
    model = microformer.load(TokensAndRows().eval(), example=example, name="several")
    return microformer.compile(model, x, "pico", effort="low")


class _Average(nn.Module):
    """A running mean, which it keeps."""

    def forward(self, x: torch.Tensor, mean: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        mean = 0.75 * mean + 0.25 * x
        return (x - mean).tanh(), mean


@pytest.fixture(scope="module")
def remembering() -> Compiled:
    """A program that remembers its last call."""
    example = (torch.zeros(1, 12), torch.zeros(1, 12))
    loose = microformer.load(_Average(), example=example)
    state = {loose.inputs[1].name: loose.outputs[1].name}
    model = microformer.load(_Average(), example=example, state=state)
    x = np.random.default_rng(0).normal(size=(6, 5, 12)).astype(np.float32)
    return microformer.compile(model, x, "cortex-m4", effort="low")


def _run(*command: str | Path, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, cwd=cwd
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _printed(text: str) -> list[int]:
    return [int(value) for value in re.findall(r"output \d+: (-?\d+)", text)]


def _wanted(compiled: Compiled) -> list[int]:
    """Each output's integers, of its own type."""
    raw, values, at = example_outputs(compiled), [], 0
    kept = {written for _, written in compiled.int_graph.states}
    for name in (n for n in compiled.int_graph.outputs if n not in kept):
        tensor = compiled.int_graph.tensors[name]
        part = np.ascontiguousarray(raw[at : at + tensor.nbytes])
        values += part.view(tensor.dtype).tolist()
        at += tensor.nbytes
    return values


def _on_this_computer(form: str, name: str, package: Path, place: Path) -> str:
    """The example's output: its sources and the library's, against the stand-ins."""
    for path, text in STAND_INS.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        (place / path).write_text(text)
    examples = [p for p in package.rglob("*.c") if p.name in ("main.c", f"app_{name}.c")]
    folders = sorted({p.parent for p in (*package.rglob("*.h"), *package.rglob("*.ino"))})
    folders = [folder for folder in folders if folder.name != "mf"]
    library = [p for p in package.rglob("*.c") if p not in examples]
    includes = [f"-I{folder}" for folder in (place, *folders)]
    objects: list[Path] = []
    for source in (*library, *examples):
        made = place / f"{source.stem}_{len(objects)}.o"
        flags = ("-std=c11", "-O1", "-Wall", "-Wextra", "-Wconversion", "-Werror")
        _run("cc", *flags, *includes, "-c", source, "-o", made)
        objects.append(made)
    if form in ENTRY:
        text = ENTRY[form].replace("MX_NAME", f"MX_{name.upper()}").replace("NAME", name)
        entry = place / ("entry.cpp" if form == "arduino" else "entry.c")
        entry.write_text(text)
        options = ['-DSKETCH="Infer.ino"'] if form == "arduino" else []
        tool = "c++" if form == "arduino" else "cc"
        _run(tool, *options, *includes, "-c", entry, "-o", place / "entry.o")
        objects.append(place / "entry.o")
    _run("c++", *objects, "-o", place / "example")
    return _run(place / "example")


@pytest.mark.parametrize("which", ["demo", "several", "remembering"])
@pytest.mark.parametrize("form", FORMS)
def test_the_example_prints_what_the_network_gives(
    form: str, which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    compiled: Compiled = request.getfixturevalue(which)
    microformer.export(compiled, form, tmp_path / "package", version="1.2.3")
    (tmp_path / "build").mkdir()
    text = _on_this_computer(form, compiled.project.name, tmp_path / "package", tmp_path / "build")
    assert _printed(text) == _wanted(compiled)
    readme = (tmp_path / "package" / "README.md").read_text()
    assert " ".join(compiled.target.gcc_flags) in readme and "1.2.3" in readme
    assert compiled.target.board in readme and "{{" not in readme
    for path in (tmp_path / "package").rglob("*"):
        if path.is_file() and path.suffix != ".pack" and path.name != "LICENSE":
            head = path.read_text()[:600]
            assert f"microformer {microformer.__version__}" in head, path
            free = (".json", ".properties")  # what has fields for both, and no comments
            assert path.suffix in free or "SPDX-License-Identifier" in head, path


@pytest.mark.skipif(not shutil.which("arm-none-eabi-gcc"), reason="no GCC for Arm")
@pytest.mark.parametrize("form", FORMS)
def test_the_library_for_its_core(form: str, demo: Compiled, tmp_path: Path) -> None:
    """By GCC with the README's flags; without the core's, it stops and says which."""
    microformer.export(demo, form, tmp_path / "p")
    library = [p for p in (tmp_path / "p").rglob("digits*.c") if "app_" not in p.name]
    assert len(library) == 2
    folders = {p.parent for p in (tmp_path / "p").rglob("*.h") if p.parent.name != "mf"}
    includes = [f"-I{folder}" for folder in folders]
    for source in library:
        made = tmp_path / f"{source.stem}.o"
        warnings = ("-std=c11", "-O2", "-Wall", "-Wextra", "-Wconversion", "-Werror")
        flags = (*demo.target.gcc_flags, *warnings, *includes)
        _run("arm-none-eabi-gcc", *flags, "-c", source, "-o", made)
    program = next(p for p in library if p.name == "digits.c")
    wrong = ["arm-none-eabi-gcc", "-mcpu=cortex-m3", "-mthumb", *includes, "-c", str(program)]
    done = subprocess.run(
        [*wrong, "-o", str(tmp_path / "no.o")], capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    assert "compile for the core that the kernels were chosen for: -mcpu=cortex-m4" in done.stderr


def _exported(compiled: Compiled, form: str, place: Path) -> Path:
    microformer.export(compiled, form, place, version="2.0.1", url="https://example.org/digits")
    return place


def test_cmake_installs_and_is_found(demo: Compiled, tmp_path: Path) -> None:
    package = _exported(demo, "cmake", tmp_path / "p")
    tool = Path(cmake.CMAKE_BIN_DIR) / "cmake"
    made = ("-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={Path(ninja.BIN_DIR) / 'ninja'}")
    where = f"-DCMAKE_INSTALL_PREFIX={tmp_path / 'i'}"
    _run(tool, *made, "-S", package, "-B", tmp_path / "b", where)
    _run(tool, "--build", tmp_path / "b")
    assert _printed(_run(tmp_path / "b" / "digits_example")) == _wanted(demo)
    _run(tool, "--install", tmp_path / "b")
    user = tmp_path / "user"
    user.mkdir()
    shutil.copy(package / "example" / "main.c", user)
    shutil.copy(package / "example" / "digits_app.h", user)
    (user / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.21)\nproject(user C)\n"
        "find_package(digits 2.0 REQUIRED)\nadd_executable(user main.c)\n"
        "target_link_libraries(user digits::digits)\n"
    )
    _run(tool, *made, "-S", user, "-B", user / "b", f"-DCMAKE_PREFIX_PATH={tmp_path / 'i'}")
    _run(tool, "--build", user / "b")
    assert _printed(_run(user / "b" / "user")) == _wanted(demo)


def _platformio_schema(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path], dict[str, Any]]:
    """PlatformIO's own check of a manifest; it would fetch the list of licences."""
    known = {"licenses": [{"licenseId": "Apache-2.0"}]}
    monkeypatch.setattr(ManifestSchema, "load_spdx_licenses", staticmethod(lambda: known))

    def check(path: Path) -> dict[str, Any]:
        made: dict[str, Any] = ManifestSchema().load_manifest(
            ManifestParserFactory.new_from_file(str(path)).as_dict()
        )
        return made

    return check


def test_platformio_takes_the_manifest(
    demo: Compiled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = _platformio_schema(monkeypatch)
    made = check(_exported(demo, "platformio", tmp_path / "p") / "library.json")
    assert (made["name"], made["version"], made["license"]) == ("digits", "2.0.1", "Apache-2.0")
    (example,) = made["examples"]
    for file in example["files"]:
        assert (tmp_path / "p" / example["base"] / file).is_file()
    (tmp_path / "p" / "library.json").write_text('{"name": "digits", "version": "two"}')
    with pytest.raises(Exception, match="Invalid"):
        check(tmp_path / "p" / "library.json")


def test_arduinos_rules(demo: Compiled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the library specification that arduino-lint has as errors, and PlatformIO's own."""
    package = _exported(demo, "arduino", tmp_path / "p")
    made = _platformio_schema(monkeypatch)(package / "library.properties")
    assert made["headers"] == ["digits.h"] and made["homepage"] == "https://example.org/digits"
    lines = (package / "library.properties").read_text().splitlines()
    fields = dict(line.split("=", 1) for line in lines)
    needed = ("name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url")
    assert all(fields[key].strip() for key in (*needed, "architectures", "includes"))
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}", fields["name"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", fields["version"])
    assert fields["category"] == "Data Processing"  # one of the ten that there are
    assert not fields["paragraph"].startswith(fields["sentence"])
    assert (package / "src" / fields["includes"]).is_file()
    for sketch in package.rglob("*.ino"):
        assert sketch.stem == sketch.parent.name and sketch.parent.parent.name == "examples"
    assert not [p for p in package.rglob("*") if p.is_symlink() or p.suffix in (".exe", ".pde")]
    for line in (package / "keywords.txt").read_text().splitlines():
        assert line.startswith("#") or re.fullmatch(r"\w+\t(KEYWORD[12]|LITERAL1)", line)


def test_the_idf_component_manager_takes_the_manifests(demo: Compiled, tmp_path: Path) -> None:
    package = _exported(demo, "esp-idf", tmp_path / "p")
    manifest = ManifestManager(str(package), "digits").load()
    assert str(manifest.version) == "2.0.1" and manifest.license == "Apache-2.0"
    for example in manifest.examples:
        assert (package / example["path"] / "CMakeLists.txt").is_file()
    inner = package / "examples" / "infer" / "main"
    assert not ManifestManager(str(inner), "main").validate().validation_errors
    known = yaml.safe_load((inner / "idf_component.yml").read_text())
    assert (inner / known["dependencies"]["digits"]["override_path"]).resolve() == package
    (package / "idf_component.yml").write_text("version: two\n")
    assert ManifestManager(str(package), "digits").validate().validation_errors


ZEPHYR = {
    "name": str,
    "build": {"cmake": str, "kconfig": str},
    "samples": list,
}
"""Of the module's description (Zephyr's documentation, Modules), the keys that we use."""


def test_a_zephyr_module(demo: Compiled, tmp_path: Path) -> None:
    package = _exported(demo, "zephyr", tmp_path / "p")
    module = yaml.safe_load((package / "zephyr" / "module.yml").read_text())
    assert module.keys() <= ZEPHYR.keys() and module["build"].keys() <= {"cmake", "kconfig"}
    assert (package / module["build"]["cmake"] / "CMakeLists.txt").is_file()
    kconfig = (package / module["build"]["kconfig"]).read_text()
    assert re.search(r"^config DIGITS$", kconfig, re.MULTILINE)
    sample = package / module["samples"][0] / "infer"
    assert "CONFIG_DIGITS=y" in (sample / "prj.conf").read_text()
    described = yaml.safe_load((sample / "sample.yaml").read_text())
    assert described["sample"]["name"] and list(described["tests"]) == ["sample.digits.infer"]
    named = re.findall(r"/\.\./(src/\S+\.c)", (package / "zephyr" / "CMakeLists.txt").read_text())
    assert len(named) == 2 and all((package / path).is_file() for path in named)


def test_a_cmsis_pack(demo: Compiled, tmp_path: Path) -> None:
    """The order and names of elements are those of the specification (PACK.xsd is in no package
    that we can install), and every file that it names is in the archive."""
    package = _exported(demo, "cmsis-pack", tmp_path / "p")
    (pack,) = package.glob("*.pack")
    assert pack.name == "microformer.digits.2.0.1.pack"
    with zipfile.ZipFile(pack) as archive:
        names = set(archive.namelist())
        root = ElementTree.fromstring(archive.read("microformer.digits.pdsc"))
    order = [
        *("vendor", "name", "description", "url", "license", "releases", "keywords"),
        *("conditions", "components"),
    ]
    assert root.tag == "package" and [child.tag for child in root] == order
    assert root.findtext("url", "").endswith("/") and root.findtext("license") in names
    (release,) = root.iter("release")
    (component,) = root.iter("component")
    assert release.get("version") == component.get("Cversion") == "2.0.1"
    (condition,) = root.iter("condition")
    assert component.get("condition") == condition.get("id")
    (require,) = condition.iter("require")
    assert require.get("Dcore") == "Cortex-M4"
    for file in root.iter("file"):
        name, kind = str(file.get("name")), str(file.get("category"))
        assert kind in {"doc", "include", "header", "sourceC"}
        assert name in names or (kind == "include" and any(n.startswith(name) for n in names))
    again = _exported(demo, "cmsis-pack", tmp_path / "again")
    assert (again / pack.name).read_bytes() == pack.read_bytes()


@pytest.mark.parametrize("form", ["pico-sdk", "stm32cube"])
def test_sources_named_in_cmake_are_there(form: str, demo: Compiled, tmp_path: Path) -> None:
    package = _exported(demo, form, tmp_path / "p")
    listed = package / ("CMakeLists.txt" if form == "pico-sdk" else "cmake/digits.cmake")
    found = re.findall(r"\$\{CMAKE_CURRENT_LIST_DIR\}/(\S+\.c)", listed.read_text())
    assert len(set(found)) >= 2 and all((listed.parent / path).is_file() for path in found)


def test_the_command(demo: Compiled, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.save(demo, tmp_path / "out")

    def command(*arguments: str) -> int:
        monkeypatch.setattr(
            "sys.argv", ["microformer", "export", str(tmp_path / "out"), *arguments]
        )
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0)

    package = tmp_path / "package"
    assert command("--as", "arduino", "-o", str(package)) == 0
    assert json.loads((package / "microformer.json").read_text())["form"] == "arduino"
    assert command("--as", "arduino", "-o", str(package)) == 2  # it is there
    assert command("--as", "cmake", "-o", str(package), "--force") == 0
    assert command("--as", "mbed", "-o", str(tmp_path / "x")) == 2
    assert command("--as", "cmake", "--version", "1", "-o", str(tmp_path / "x")) == 2
    assert command("--as", "cmake", "--url", "a<b>", "-o", str(tmp_path / "x")) == 2
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.tex").write_text("years of work")
    assert command("--as", "cmake", "-o", str(foreign), "--force") == 2
    assert (foreign / "thesis.tex").is_file() and not (tmp_path / "x").exists()


def test_what_cannot_be_exported(demo: Compiled, tmp_path: Path) -> None:
    with demo_paths() as paths, np.load(paths.calibration) as file:
        cluster = microformer.compile(paths.model, file["x"], "pulp-ri5cy", effort="low")
    with pytest.raises(TargetError, match="for the cluster pulp-ri5cy"):
        microformer.export(cluster, "cmake", tmp_path / "p")
    microformer.export(demo, "cmake", tmp_path / "p")
    with pytest.raises(OutputError, match="exists already"):
        microformer.export(demo, "cmake", tmp_path / "p")


def test_two_rams_in_the_example(tmp_path: Path) -> None:
    torch.manual_seed(0)
    net = nn.Sequential(nn.Conv2d(3, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1))
    x = np.random.default_rng(0).standard_normal((4, 3, 16, 16)).astype(np.float32)
    model = microformer.load(net.eval(), example=x[:1], name="wide")
    board = targets.customised(targets.find("stm32f405rg"), ram=12 << 10)
    compiled = microformer.compile(model, x, board, effort="low")
    assert compiled.project.l2_bytes
    microformer.export(compiled, "platformio", tmp_path / "p")
    (tmp_path / "b").mkdir()
    text = _on_this_computer("platformio", "wide", tmp_path / "p", tmp_path / "b")
    assert _printed(text) == _wanted(compiled)
