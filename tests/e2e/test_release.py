"""What is released: wheel, sdist and the weights' wheel, built, looked at, installed and tried."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
MIB = 1 << 20


def _project(path: Path) -> dict[str, Any]:
    made: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))["project"]
    return made


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The three files, of what git knows of the repository."""
    copy = tmp_path_factory.mktemp("source")
    listed = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, check=False, capture_output=True, text=True
    )
    names = listed.stdout.split("\n") if listed.returncode == 0 else []
    if names:
        for name in filter(None, names):
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / name).is_file():
                shutil.copy(ROOT / name, target)
    else:  # a checkout without git, as CI makes one
        shutil.copytree(ROOT, copy, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".venv"))
    out = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "build", "--outdir", str(out)]
    subprocess.run([*build, "--sdist", "--wheel", str(copy)], check=True)
    subprocess.run([*build, "--wheel", str(copy / "weights")], check=True)
    return {
        "wheel": next(out.glob("microformer-*.whl")),
        "sdist": next(out.glob("microformer-*.tar.gz")),
        "weights": next(out.glob("microformer_tinyradar_weights-*.whl")),
    }


@pytest.mark.slow
def test_the_wheel_holds_what_demos_need_and_is_small(built: dict[str, Path]) -> None:
    assert built["wheel"].stat().st_size < 2_500_000
    with zipfile.ZipFile(built["wheel"]) as wheel:
        names = wheel.namelist()
        metadata = wheel.read(next(n for n in names if n.endswith("/METADATA"))).decode()
    assert not [n for n in names if n.startswith(("tests/", "bench/", "docs/")) or ".pyc" in n]
    weights = sorted(Path(n).stem for n in names if n.startswith("tinyradar/weights/"))
    assert weights == ["transformer-frames-fold0", "transformer-traces-five-fold0-seed0"]
    for needed in ("py.typed", "base.html.j2", "report.html.j2", "digits_vit.onnx", "index.html"):
        assert any(n.endswith(needed) for n in names), needed
    assert any(n.endswith("licenses/LICENSE") for n in names)
    assert any(n.endswith("licenses/THIRD_PARTY.md") for n in names)
    assert "Programming Language :: Python :: 3.13" in metadata
    for package in ("microformer", "tinyradar"):
        assert f"{package}/py.typed" in names


@pytest.mark.slow
def test_the_other_wheel_holds_all_folds(built: dict[str, Path]) -> None:
    with zipfile.ZipFile(built["weights"]) as wheel:
        names = wheel.namelist()
    here = ROOT / "src" / "tinyradar" / "weights"
    kept = {str(p.relative_to(here)) for p in here.rglob("*.npz")}
    assert {n.removeprefix("tinyradar_weights/") for n in names if n.endswith(".npz")} == kept


@pytest.mark.slow
def test_the_sdist_builds_the_wheel(built: dict[str, Path]) -> None:
    with tarfile.open(built["sdist"]) as archive:
        names = archive.getnames()
    for needed in ("pyproject.toml", "README.md", "src/microformer/api/verbs.py"):
        assert any(n.endswith(f"/{needed}") for n in names)
    assert built["sdist"].stat().st_size < 20 * MIB


def _pythons() -> list[str]:
    """The Pythons of this machine that the package is for: on the path, or those of pyenv."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = {sys.version_info[:2]: sys.executable}
    for minor in (11, 12, 13):
        near = sorted(root.glob(f"3.{minor}.*/bin/python"))
        which = str(near[-1]) if near else shutil.which(f"python3.{minor}")
        if which is not None:
            found.setdefault((3, minor), which)
    return [found[version] for version in sorted(found)]


@pytest.mark.slow
@pytest.mark.parametrize("python", _pythons(), ids=lambda p: Path(p).parent.parent.name)
def test_the_wheel_in_a_clean_environment(
    built: dict[str, Path], tmp_path: Path, python: str
) -> None:
    """Installed with what it names, and the main job of the README done by it."""
    subprocess.run([python, "-m", "venv", str(tmp_path / "venv")], check=True)
    where = tmp_path / "venv" / "bin"
    pip = [str(where / "python"), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, str(built["wheel"])], check=True)
    environment = {k: v for k, v in os.environ.items() if k not in {"PYTHONPATH", "PYTHONHOME"}}
    done = subprocess.run(
        [str(where / "microformer"), "demo", "--html", "report.html"],
        check=False,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "98.44 %" in done.stdout and (tmp_path / "report.html").stat().st_size > 10_000
    lacking = subprocess.run(
        [str(where / "tinyradar"), "watch", "--simulate"],
        check=False,
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert lacking.returncode == 2 and "pip install" in lacking.stderr
    assert "Traceback" not in done.stderr + lacking.stderr


def test_every_package_that_is_installed_is_named_with_its_licence() -> None:
    project = _project(ROOT / "pyproject.toml")
    extras = project["optional-dependencies"]
    named = project["dependencies"] + [d for k, v in extras.items() if k != "test" for d in v]
    names = {re.split(r"[\[<>=~ ;]", d)[0] for d in named}
    table = (ROOT / "THIRD_PARTY.md").read_text("utf-8")
    cells = re.findall(r"^\| (.+?) \|", table, re.M)
    assert {word for cell in cells for word in re.findall(r"[\w-]+", cell)} >= names


def test_the_version_is_said_once_and_the_same_everywhere() -> None:
    version = _project(ROOT / "pyproject.toml")["version"]
    assert _project(ROOT / "weights" / "pyproject.toml")["version"] == version
    assert f"version: {version}" in (ROOT / "CITATION.cff").read_text("utf-8")
    assert f"## [{version}]" in (ROOT / "CHANGELOG.md").read_text("utf-8")
