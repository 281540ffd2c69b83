"""The stages in order. Nothing else calls them.

A name is imported when it is asked for: whoever runs what was compiled does not wait for what
loads and quantises.
"""

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from microformer.audit import Audit
    from microformer.audit.plot import plot
    from microformer.build.rtl import fetch as fetch_rtl
    from microformer.build.rtl import missing as missing_rtl
    from microformer.export import MARKER as EXPORT_MARKER
    from microformer.export import export as export_model
    from microformer.pipeline.board import (
        expected_of,
        export_firmware,
        from_port,
        validate_lines,
    )
    from microformer.pipeline.compile import (
        Compilation,
        audit_model,
        compile_model,
        load_model,
        quantize_model,
    )
    from microformer.pipeline.estimate import Estimate, estimate_graph, estimate_model
    from microformer.pipeline.front import (
        BothRuns,
        add_front,
        both_images,
        compile_graph,
        one_image,
        run_both,
        run_one,
    )
    from microformer.pipeline.kept import keep, kept
    from microformer.pipeline.measure import Measurement, measure_graph, predict_model
    from microformer.pipeline.progress import Advance, Progress
    from microformer.pipeline.run import recompiled, run_model

_WHERE = {
    "microformer.audit": ("Audit",),
    "microformer.audit.plot": ("plot",),
    "microformer.pipeline.board": (
        *("expected_of", "export_firmware", "from_port", "validate_lines"),
    ),
    "microformer.pipeline.kept": ("keep", "kept"),
    "microformer.pipeline.compile": (
        *("Compilation", "audit_model", "compile_model", "load_model", "quantize_model"),
    ),
    "microformer.pipeline.estimate": ("Estimate", "estimate_graph", "estimate_model"),
    "microformer.pipeline.front": (
        *("BothRuns", "add_front", "both_images", "compile_graph"),
        *("one_image", "run_both", "run_one"),
    ),
    "microformer.pipeline.measure": ("Measurement", "measure_graph", "predict_model"),
    "microformer.pipeline.progress": ("Advance", "Progress"),
    "microformer.pipeline.run": ("recompiled", "run_model"),
}
_ALIASES = {
    "EXPORT_MARKER": ("microformer.export", "MARKER"),
    "export_model": ("microformer.export", "export"),
    "fetch_rtl": ("microformer.build.rtl", "fetch"),
    "missing_rtl": ("microformer.build.rtl", "missing"),
}
_NAMES = {name: (module, name) for module, names in _WHERE.items() for name in names} | _ALIASES

__all__ = [
    "EXPORT_MARKER",
    "Advance",
    "Audit",
    "BothRuns",
    "Compilation",
    "Estimate",
    "Measurement",
    "Progress",
    "add_front",
    "audit_model",
    "both_images",
    "compile_graph",
    "compile_model",
    "estimate_graph",
    "estimate_model",
    "expected_of",
    "export_firmware",
    "export_model",
    "fetch_rtl",
    "from_port",
    "keep",
    "kept",
    "load_model",
    "measure_graph",
    "missing_rtl",
    "one_image",
    "plot",
    "predict_model",
    "quantize_model",
    "recompiled",
    "run_both",
    "run_model",
    "run_one",
    "validate_lines",
]


def __getattr__(name: str) -> object:
    if name not in _NAMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _NAMES[name]
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return __all__
