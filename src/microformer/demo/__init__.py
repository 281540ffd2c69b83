"""The digits transformer that ships with the package (trained by models/train_digits.py)."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path


@dataclass(frozen=True)
class DemoPaths:
    """The shipped files: float model, calibration samples, held-out samples with classes."""

    model: Path
    calibration: Path
    held_out: Path


@contextmanager
def demo_paths() -> Iterator[DemoPaths]:
    """The demo's files as real paths for as long as the context lasts."""
    folder = resources.files("microformer.demo")
    names = ("digits_vit.onnx", "digits_calibration.npz", "digits_test.npz")
    with ExitStack() as stack:
        model, calibration, held_out = (
            stack.enter_context(resources.as_file(folder.joinpath(name))) for name in names
        )
        yield DemoPaths(model, calibration, held_out)
