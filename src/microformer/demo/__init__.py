"""What ships with the package to be tried at once.

The digits transformer is made by ``models/train_digits.py``; the radar transformer and simulated
recordings, which it never saw, by ``models/pack_radar.py``; that of recorded traces by
``models/pack_gestures.py``, that of spoken digits by ``models/train_speech.py``.
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
class PackedPaths:
    """Float model, its int8 graph (structure and constants), and the samples beside it.

    ``samples`` is of radar_paths: codes int16 [N, windows, sensors, 32, points, 2] of a 12-bit
    converter, to be shifted ``left``; classes ``y`` [N], the names of the ``gestures``, the
    ``person``; ``count`` and ``unit`` of the front end. Of gesture_paths: simulated traces ``x``,
    real inputs float32 [N, 28, 10], ``y`` and ``gestures``. Of speech_paths: ``unheard``,
    fingerprints uint64 of the recordings by the speaker that the network was not trained on.
    """

    model: Path
    graph: Path
    constants: Path
    samples: Path


@contextmanager
def radar_paths() -> Iterator[PackedPaths]:
    """The radar demo's files as real paths for as long as the context lasts."""
    with _paths("radar", "samples") as paths:
        yield paths


@contextmanager
def gesture_paths() -> Iterator[PackedPaths]:
    """The files of ``demo gestures``, of recorded traces."""
    with _paths("gestures", "samples") as paths:
        yield paths


@contextmanager
def speech_paths() -> Iterator[PackedPaths]:
    """The files of ``demo speech``."""
    with _paths("speech", "unheard") as paths:
        yield paths


@contextmanager
def _paths(stem: str, samples: str) -> Iterator[PackedPaths]:
    folder = resources.files("microformer.demo")
    names = ("transformer.onnx", "graph.json", "graph.npz", f"{samples}.npz")
    with ExitStack() as stack:
        yield PackedPaths(
            *(
                stack.enter_context(resources.as_file(folder.joinpath(f"{stem}_{name}")))
                for name in names
            )
        )
