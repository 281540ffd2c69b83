"""microformer: transformers on microcontrollers.

``load`` a float model, ``quantize`` it, ``compile`` it for a target, ``run`` it there.
"""

from importlib.metadata import version

import microformer.privacy  # noqa: F401  before anything imports onnxruntime

# Eager on purpose: the stages' packages carry the same names as the verbs, and importing one of
# them later would put the package in the function's place.
from microformer.api import audit, compile, load, predict, quantize, run, with_front
from microformer.entry import run_command_line
from microformer.errors import MicroformerError
from microformer.graph.compiled import Compiled
from microformer.graph.float_model import FloatModel
from microformer.graph.frontend import RangeDoppler
from microformer.graph.int_graph import IntGraph
from microformer.report import Report

__version__ = version("microformer")
__all__ = [
    "Compiled",
    "FloatModel",
    "IntGraph",
    "MicroformerError",
    "RangeDoppler",
    "Report",
    "__version__",
    "audit",
    "compile",
    "load",
    "predict",
    "quantize",
    "run",
    "run_command_line",
    "with_front",
]
