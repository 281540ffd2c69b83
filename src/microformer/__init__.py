"""microformer: transformers on microcontrollers.

``load`` a float model, ``quantize`` it, ``compile`` it for a target, ``run`` it there.
"""

from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from microformer.api import compile, load, quantize, run

__version__ = version("microformer")
__all__ = ["__version__", "compile", "load", "quantize", "run"]


def __getattr__(name: str) -> Any:
    """The API is imported when first asked for: onnxruntime alone takes a quarter of a second."""
    if name in {"compile", "load", "quantize", "run"}:
        from microformer import api  # noqa: PLC0415

        return getattr(api, name)
    raise AttributeError(f"module 'microformer' has no attribute '{name}'")
