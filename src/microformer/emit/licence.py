"""What every emitted file says of its licence and of the version that wrote it."""

from functools import cache
from importlib import metadata, resources

LICENCE = "Apache-2.0"
"""The licence of all text that is ours: kernels, and the program around a model's numbers."""

MODEL = "LicenseRef-Model"
"""The licence of the weights: they are the model's own, licensed by whoever owns it."""

_SPDX = "SPDX-License-Identifier:"


@cache
def version() -> str:
    """The version of microformer that writes."""
    return metadata.version("microformer")


def c_line(identifier: str = LICENCE) -> str:
    """The first line of a C file."""
    return f"/* {_SPDX} {identifier} */"


def written() -> str:
    """How a file ends its first sentence: who wrote it."""
    return f"Written by microformer {version()}."


def with_version(kernel: str) -> str:
    """The text of a kernel's header, its version behind the SPDX line that it begins with."""
    first, rest = kernel.split("\n", 1)
    assert first == c_line(), "every kernel header begins with its licence"
    return f"{first}\n/* Of microformer {version()}; the licence is in LICENSE. */\n{rest}"


def licence_text() -> str:
    """The licence itself, which lies beside the kernels."""
    place = resources.files("microformer.emit").joinpath("templates", "LICENSE")
    return place.read_text("utf-8")
