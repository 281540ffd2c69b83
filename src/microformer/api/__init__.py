"""The Python API: thin doors to the pipeline, taking arrays in place of files."""

from microformer.api.compiled import Compiled, export, open, predict, run
from microformer.api.verbs import audit, compile, estimate, load, quantize, with_front

__all__ = [
    "Compiled",
    "audit",
    "compile",
    "estimate",
    "export",
    "load",
    "open",
    "predict",
    "quantize",
    "run",
    "with_front",
]
