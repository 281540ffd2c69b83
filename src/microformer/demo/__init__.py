"""What ships with the package to be tried at once.

The digits transformer is made by ``models/train_digits.py``; the radar transformer and simulated
recordings, which it never saw, by ``models/pack_radar.py``.
"""

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


@dataclass(frozen=True)
class RadarPaths:
    """Float model, its int8 graph (structure and constants), and a few recordings.

    ``samples``: codes int16 [N, windows, sensors, 32, points, 2] of a 12-bit converter, to be
    shifted ``left``; classes ``y`` [N], the names of the ``gestures``, the ``person``; ``count``
    and ``unit`` of the front end.
    """

    model: Path
    graph: Path
    constants: Path
    samples: Path


@contextmanager
def radar_paths() -> Iterator[RadarPaths]:
    """The radar demo's files as real paths for as long as the context lasts."""
    names = ("transformer.onnx", "graph.json", "graph.npz", "samples.npz")
    folder = resources.files("microformer.demo")
    with ExitStack() as stack:
        paths = [
            stack.enter_context(resources.as_file(folder.joinpath(f"radar_{name}")))
            for name in names
        ]
        yield RadarPaths(*paths)
