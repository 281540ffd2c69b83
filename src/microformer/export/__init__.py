"""Stage ``export``: a compiled model -> the files of a package, as an ecosystem wants them.

Each ecosystem is a folder of templates under ``templates/`` and a line in ``ecosystems``: where
its headers and sources lie, and what else it needs.
"""

import json

from microformer.errors import TargetError
from microformer.export.ecosystems import ECOSYSTEMS
from microformer.export.package import MARKER, Package, check_url, check_version, example_outputs
from microformer.graph.compiled import Compiled

__all__ = ["ECOSYSTEMS", "MARKER", "example_outputs", "export"]

Files = dict[str, str | bytes]


def export(
    compiled: Compiled, ecosystem: str, *, version: str = "1.0.0", url: str | None = None
) -> Files:
    """The files of ``compiled`` as a package of ``ecosystem``, by their paths in it.

    Library, licences, metadata, a README and an example that prints what the network makes of a
    ramp. ``version`` is the package's own, as semantic versioning has it, ``url`` its page, which
    some ecosystems ask for (by default one that says it is an example). Raises TargetError for an
    ecosystem that there is not, a version or page that is none, or a model for a cluster.
    """
    known = ECOSYSTEMS.get(ecosystem)
    if known is None:
        listed = ", ".join(ECOSYSTEMS)
        raise TargetError(f"There is no form '{ecosystem[:40]}' to export as; choose of: {listed}.")
    if compiled.target.is_cluster:
        raise TargetError(
            f"'{compiled.project.name}' is for the cluster {compiled.target.name}, and packages "
            "are for microcontrollers: add the compiled folder itself to the cluster's firmware."
        )
    page = check_url(url or f"https://example.org/{compiled.project.name}")
    package = Package(compiled, check_version(version), page)
    files = {**known.library(package), **known.render(package)}
    record = {
        "written_by": f"microformer {package.tool_version}",
        "form": ecosystem,
        "model": package.name,
        "target": compiled.target.name,
        "version": version,
    }
    files[MARKER] = json.dumps(record, indent=2) + "\n"
    return known.finish(package, files) if known.finish else files


def __dir__() -> list[str]:
    return __all__
