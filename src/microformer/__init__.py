"""microformer: transformers on microcontrollers.

``load`` a float model, ``quantize`` it, ``compile`` it for a target, ``run`` it there.
"""

from importlib.metadata import version

# Eager on purpose: the stages' packages carry the same names as the verbs, and importing one of
# them later would put the package in the function's place.
from microformer.api import compile, load, quantize, run

__version__ = version("microformer")
__all__ = ["__version__", "compile", "load", "quantize", "run"]
