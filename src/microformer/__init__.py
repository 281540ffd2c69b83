"""microformer: transformers on microcontrollers.

``load`` a float model, ``quantize`` it, ``compile`` it for a target, ``run`` it there.

Names are imported when they are asked for, so that a command starts at once. The stages' packages
carry the same names as the verbs: importing one of them does not put it in the function's place.
"""

import importlib
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Any

import microformer.privacy  # noqa: F401  before anything imports onnxruntime

if TYPE_CHECKING:
    from microformer import reference, search, store, targets
    from microformer.api import (
        Compiled,
        audit,
        compile,
        estimate,
        export,
        load,
        open,
        predict,
        quantize,
        run,
        with_front,
    )
    from microformer.entry import run_command_line
    from microformer.errors import MicroformerError
    from microformer.graph.float_model import FloatModel
    from microformer.graph.frontend import LogMel, RangeDoppler
    from microformer.graph.int_graph import IntGraph
    from microformer.report import Report
    from microformer.report.estimate import Estimate

    __version__: str

__all__ = [
    "Compiled",
    "Estimate",
    "FloatModel",
    "IntGraph",
    "LogMel",
    "MicroformerError",
    "RangeDoppler",
    "Report",
    "__version__",
    "audit",
    "compile",
    "estimate",
    "export",
    "load",
    "open",
    "predict",
    "quantize",
    "reference",
    "run",
    "run_command_line",
    "search",
    "store",
    "targets",
    "with_front",
]

_VERBS = (
    *("audit", "compile", "estimate", "export", "load", "open", "predict", "quantize"),
    *("run", "with_front"),
)
_WHERE = {
    **dict.fromkeys(_VERBS, "microformer.api"),
    "Compiled": "microformer.api",
    "Estimate": "microformer.report.estimate",
    "FloatModel": "microformer.graph.float_model",
    "IntGraph": "microformer.graph.int_graph",
    "LogMel": "microformer.graph.frontend",
    "MicroformerError": "microformer.errors",
    "RangeDoppler": "microformer.graph.frontend",
    "Report": "microformer.report",
    "run_command_line": "microformer.entry",
}
_MODULES = ("reference", "search", "store", "targets")


class _Package(ModuleType):
    """This package: what it exports is found where it is, and its verbs stay functions."""

    def __getattr__(self, name: str) -> Any:
        if name == "__version__":
            from importlib.metadata import version  # noqa: PLC0415

            return version("microformer")
        if name in _MODULES:
            return importlib.import_module(f"microformer.{name}")
        if name not in _WHERE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(importlib.import_module(_WHERE[name]), name)

    def __setattr__(self, name: str, value: object) -> None:
        if name not in _VERBS or not isinstance(value, ModuleType):  # as an import does
            super().__setattr__(name, value)

    def __dir__(self) -> list[str]:
        return __all__


sys.modules[__name__].__class__ = _Package
