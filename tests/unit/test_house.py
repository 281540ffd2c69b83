"""The walls of the house: who imports whom, and what no file may say."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "microformer"
STAGES = (
    *("load", "calibrate", "tune", "quantize", "lower", "plan", "emit", "build", "run"),
    *("audit", "report"),
)
SHARED = {
    *("graph", "analysis", "reference", "targets", "kernels", "records", "errors", "scratch"),
    "page",
}
OUTER = {"pipeline", "api", "cli"}


def _modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def _room(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> set[str]:
    """Full names of all modules that are imported anywhere in a file."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def _rooms_imported(path: Path) -> set[str]:
    names = imports(ast.parse(path.read_text("utf-8")))
    return {n.split(".")[1] for n in names if n.startswith("microformer.")}


def allowed(room: str) -> set[str]:
    """What a room of ours may import of ours."""
    if room == "graph":
        return {"graph", "targets", "errors", "page"}
    if room in STAGES:
        return {room, *SHARED}
    return {
        "reference": {"reference", "graph", "errors"},
        "analysis": {"analysis", "graph", "errors"},
        "targets": {"targets", "errors"},
        "errors": set(),
        "scratch": {"errors"},
        "records": {"graph"},
        "kernels": {"kernels", "graph", "targets", "errors"},
        "export": {"export", "emit", *SHARED},
        "validate": {"validate", "graph", "errors"},
        "store": {"store", "graph", "reference", "targets", "errors", "scratch"},
        "page": {"page"},
        "samples": {"graph", "errors"},
        "noise": {"samples", "graph"},
        "settings": {"errors"},
        "entry": {"errors"},
        "privacy": set(),
        "torch": {"torch", "load", "calibrate", "quantize", "samples", *SHARED},
        "demo": {"demo", "pipeline", "report", *SHARED},
        "bench": {"bench", "pipeline", "quantize", *SHARED},
        "search": {"search", "api", *SHARED},
        "pipeline": {
            *("pipeline", "export", "validate", "samples", "noise", "settings"),
            *STAGES,
            *SHARED,
        },
        "api": {"api", "pipeline", "audit", "report", "store", "samples", "settings", *SHARED},
        "cli": {
            *(
                "pipeline",
                "report",
                "audit",
                "samples",
                "noise",
                "settings",
                "entry",
                "store",
                "demo",
                "bench",
                "search",
                "validate",
                "cli",
            ),
            *("__version__", *SHARED),
        },
        "__main__": {"cli"},
        "__init__": {"api", "store", "report", "entry", "privacy", "search", *SHARED},
    }[room]


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_walls(path: Path) -> None:
    room = _room(path)
    assert _rooms_imported(path) <= allowed(room)


def test_a_wall_that_is_broken_is_seen() -> None:
    tree = ast.parse("def f():\n  from microformer.quantize import quantize\n")
    rooms = {n.split(".")[1] for n in imports(tree)}
    assert not rooms <= allowed("lower")


RADAR = ROOT / "src" / "tinyradar"
NEEDS_TORCH = {"models", "train", "recorded", "reproduce", "watch"}
"""Rooms of tinyradar that import torch; all others run without it."""


def public_names() -> set[str]:
    """What ``microformer`` and ``microformer.torch`` export."""
    names: set[str] = set()
    for package, file in (
        ("microformer", "__init__.py"),
        ("microformer.torch", "torch/__init__.py"),
    ):
        for node in ast.parse((SOURCE / file).read_text("utf-8")).body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                names |= {f"{package}.{name}" for name in ast.literal_eval(node.value)}
    assert {"microformer.load", "microformer.torch.prepare"} <= names
    return names


def private_uses(tree: ast.AST) -> set[str]:
    """Names of microformer that a file of tinyradar uses and that are not public."""
    names = {n for n in imports(tree) if n.split(".")[0] == "microformer" and n != "microformer"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "microformer":
            names.add(f"microformer.{node.attr}")
    return names - public_names()


def _radar_modules() -> list[Path]:
    return sorted(RADAR.rglob("*.py"))


@pytest.mark.parametrize("path", _radar_modules(), ids=lambda p: str(p.relative_to(RADAR)))
def test_tinyradar_uses_public_names_only(path: Path) -> None:
    assert private_uses(ast.parse(path.read_text("utf-8"))) == set()


def test_a_private_use_is_seen() -> None:
    for text in (
        "from microformer.reference import evaluate",
        "import microformer.api",
        "from microformer import pipeline",
        "import microformer\nmicroformer.pipeline.run_model()",
        "def f():\n  from microformer.quantize import quantize",
    ):
        assert private_uses(ast.parse(text)), text
    assert not private_uses(ast.parse("import microformer\nmicroformer.load('x')"))


@pytest.mark.parametrize("path", _radar_modules(), ids=lambda p: str(p.relative_to(RADAR)))
def test_torch_stays_in_its_rooms(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    room = path.relative_to(RADAR).parts[0].removesuffix(".py")
    top = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    names = {n.split(".")[0] for statement in top for n in imports(statement)}
    assert room in NEEDS_TORCH or "torch" not in names


def test_microformer_never_imports_tinyradar() -> None:
    for path in _modules():
        names = imports(ast.parse(path.read_text("utf-8")))
        assert not any(n.split(".")[0] == "tinyradar" for n in names), path


@pytest.mark.parametrize("path", _modules(), ids=lambda p: str(p.relative_to(SOURCE)))
def test_torch_is_never_imported_by_the_core(path: Path) -> None:
    if _room(path) == "torch":
        return  # the one door to it, which nothing else of ours opens (test_walls)
    tree = ast.parse(path.read_text("utf-8"))
    top = [n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)]
    assert not any(n.split(".")[0] == "torch" for statement in top for n in imports(statement))


ONE_SUBJECT = {
    "microformer/kernels/signatures.py",  # the arguments of every operator
    "microformer/kernels/xpulp/costs.py",  # what all kernels of a cluster need
    "microformer/graph/ops.py",  # every operation
}
"""Files that may be longer than others: parted, they would be one subject in two places."""


def test_every_stage_has_its_verb() -> None:
    for stage in STAGES:
        tree = ast.parse((SOURCE / stage / "__init__.py").read_text("utf-8"))
        functions = {n.name for n in tree.body if isinstance(n, ast.FunctionDef)}
        assert stage in functions


@pytest.mark.parametrize(
    "path", [*_modules(), *_radar_modules()], ids=lambda p: str(p.relative_to(ROOT))
)
def test_files_stay_small(path: Path) -> None:
    most = 450 if str(path.relative_to(SOURCE.parent)) in ONE_SUBJECT else 300
    assert len(path.read_text("utf-8").splitlines()) <= most
    assert path.stem not in {"utils", "helpers", "common", "manager", "misc"}


def _tracked() -> list[Path]:
    """Text files of the repository; all files where there is no git (a source archive)."""
    done = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode == 0 and done.stdout:
        paths = [ROOT / line for line in done.stdout.splitlines()]
    else:
        paths = [p for d in ("src", "tests", "docs", "models") for p in (ROOT / d).rglob("*")]
    suffixes = {".py", ".md", ".toml", ".c", ".h", ".j2", ".in", ".txt", ".json", ""}
    return [
        p for p in paths if p.is_file() and p.suffix in suffixes and "__pycache__" not in str(p)
    ]


def test_no_file_names_a_registry_or_a_path_of_one_machine() -> None:
    # written apart, so that this file does not find itself
    places = (
        "pypi" + r"\.org",
        "files" + r"\.pythonhosted",
        "/ro" + "ot/",
        "/wo" + "rk/",
        "/ho" + "me/",
    )
    pattern = re.compile("|".join(places))
    hits = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in _tracked()
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if pattern.search(line)
    ]
    assert hits == []


def test_kernel_files_stay_small_and_bear_their_names() -> None:
    for path in sorted((SOURCE / "kernels").glob("*/*.h")):
        text = path.read_text("utf-8")
        assert len(text.splitlines()) <= 150, path.name
        guard = path.stem.upper() + "_H"
        assert f"#ifndef {guard}\n#define {guard}\n" in text, path.name
        assert not re.search(
            r"\b(malloc|memcpy|printf)\s*\(", text.replace("__builtin_memcpy", "")
        ), path.name


_PATH = re.compile(r"`((?:[a-z_0-9-]+/)+[a-z_0-9.-]+\.(?:py|md|c|h|json|npz|toml))`")


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda p: p.name)
def test_every_path_in_the_docs_is_there(page: Path) -> None:
    """Of the repository, of our package, or of tinyradar's."""
    kernels = SOURCE / "kernels"
    homes = (ROOT, ROOT / "src", SOURCE, RADAR, kernels, *sorted(kernels.iterdir()))
    for name in _PATH.findall(page.read_text("utf-8")):
        assert any((home / name).exists() for home in homes), name


def test_one_version() -> None:
    project = (ROOT / "pyproject.toml").read_text("utf-8")
    version = re.search(r'^version = "(.*)"$', project, re.MULTILINE)
    assert version is not None
    assert f"version: {version.group(1)}\n" in (ROOT / "CITATION.cff").read_text("utf-8")


def test_no_operand_that_assembly_changes_may_share_a_register_with_one_it_reads() -> None:
    """A compiler keeps an input in the register of a "+r" whose value is the same when it starts.

    So a block of several instructions with inputs in registers says that it changes what it
    changes before it has read all of them: "+&r".
    """
    wrong = []
    for path in sorted((ROOT / "src/microformer/kernels").rglob("*.h")):
        text = path.read_text("utf-8")
        for found in re.finditer(r"__asm(?: volatile)?\(", text):
            depth, end = 1, found.end()
            while depth:
                depth += {"(": 1, ")": -1}.get(text[end], 0)
                end += 1
            block = text[found.end() : end]
            parts = re.split(r"\s:\s", block.replace("\\\n", " "))
            reads = len(parts) > 2 and re.search(r'"[rlw]"\(', parts[2])
            if reads and block.count("\\n\\t") > 1 and re.search(r'"\+[rlw]"\(', parts[1]):
                wrong.append(f"{path.name}: {block[:60]!r}")
    assert wrong == []
