"""The ecosystems: where each wants headers and sources, and its templates."""

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

import jinja2

from microformer.emit.licence import licence_text
from microformer.emit.names import comment
from microformer.export.package import Package, stamped

_EPOCH = (2020, 1, 1, 0, 0, 0)
"""Of every member of an archive, so that the same model gives the same bytes."""


@dataclass(frozen=True)
class Ecosystem:
    """``headers`` and ``sources`` are folders of the package, NAME in them the model's name.

    ``finish`` adds what is made of all other files.
    """

    key: str
    headers: str
    sources: str
    finish: Callable[[Package, dict[str, str | bytes]], dict[str, str | bytes]] | None = None

    def library(self, package: Package) -> dict[str, str | bytes]:
        """The model's own files and their licence."""
        placed: dict[str, str | bytes] = {}
        for folder, files in ((self.headers, package.headers), (self.sources, package.sources)):
            where = _named(folder, package)
            placed |= {f"{where}/{name}" if where else name: t for name, t in files.items()}
        return {**placed, "LICENSE": licence_text()}

    def render(self, package: Package) -> dict[str, str | bytes]:
        """The ecosystem's templates and those that all have, filled in."""
        root = resources.files("microformer.export").joinpath("templates")
        environment = jinja2.Environment(
            undefined=jinja2.StrictUndefined, keep_trailing_newline=True, autoescape=False
        )
        environment.filters["comment"] = comment
        common = {p: t.read_text("utf-8") for p, t in _walk(root.joinpath("common"), "")}
        environment.loader = jinja2.DictLoader(common)
        made: dict[str, str | bytes] = {}
        sources = [s for s in package.sources if s.endswith(".c")]
        values = {
            "package": package,
            "name": package.name,
            "upper": package.name.upper(),
            "project": package.project,
            "target": package.target,
            "flags": " ".join(package.target.gcc_flags),
            "sources": sources,
            "headers": list(package.headers),
            "source_folder": _named(self.sources, package),
            "header_folder": _named(self.headers, package),
            "form": self.key,
        }
        for path, template in _walk(root.joinpath(self.key), ""):
            text = environment.from_string(template.read_text("utf-8")).render(**values)
            made[_named(path.removesuffix(".j2"), package)] = stamped(text)
        if "README.md" not in made:
            made["README.md"] = environment.get_template("README.md.j2").render(**values)
        return made


def _named(path: str, package: Package) -> str:
    return path.replace("NAME", package.name)


def _walk(folder: Traversable, prefix: str) -> Iterator[tuple[str, Traversable]]:
    """(relative path, file) of all templates below ``folder``, in order."""
    for item in sorted(folder.iterdir(), key=lambda item: item.name):
        if item.is_dir():
            yield from _walk(item, f"{prefix}{item.name}/")
        else:
            yield f"{prefix}{item.name}", item


def _pack(package: Package, files: dict[str, str | bytes]) -> dict[str, str | bytes]:
    """The same with the archive that pack managers take: all files, at its root the .pdsc."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), files[name])
    return {**files, f"microformer.{package.name}.{package.version}.pack": data.getvalue()}


_ALL = (
    Ecosystem("cmake", "include", "src"),
    Ecosystem("zephyr", "include", "src"),
    Ecosystem("arduino", "src", "src"),
    Ecosystem("platformio", "include", "src"),
    Ecosystem("cmsis-pack", "include", "src", _pack),
    Ecosystem("esp-idf", "include", "src"),
    Ecosystem("pico-sdk", "include", "src"),
    Ecosystem("stm32cube", "Middlewares/NAME/Inc", "Middlewares/NAME/Src"),
)
ECOSYSTEMS = {ecosystem.key: ecosystem for ecosystem in _ALL}
"""By the name that ``--as`` takes."""
