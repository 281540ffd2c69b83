"""microformer: transformers on microcontrollers.

``load`` a float model, ``quantize`` it, ``compile`` it for a target, ``run`` it there.
"""

from importlib.metadata import version

from microformer.api import compile, load, quantize, run  # noqa: A004

__version__ = version("microformer")
__all__ = ["__version__", "compile", "load", "quantize", "run"]
