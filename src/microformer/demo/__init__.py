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
    with _paths("radar_transformer.onnx", "radar_graph", "radar_samples.npz") as paths:
        yield RadarPaths(*paths)


@dataclass(frozen=True)
class GesturePaths:
    """As ``RadarPaths``, for recorded traces. ``samples``: simulated ones, real inputs float32 [N,
    28, 10], classes ``y`` [N], the names of the ``gestures``."""

    model: Path
    graph: Path
    constants: Path
    samples: Path


@contextmanager
def gesture_paths() -> Iterator[GesturePaths]:
    """The files of ``demo gestures``."""
    with _paths("gestures_transformer.onnx", "gestures_graph", "gestures_samples.npz") as paths:
        yield GesturePaths(*paths)


@dataclass(frozen=True)
class SpeechPaths:
    """As ``RadarPaths``, for spoken digits. ``unheard``: fingerprints uint64 of the recordings by
    the speaker that the network was not trained on."""

    model: Path
    graph: Path
    constants: Path
    unheard: Path


@contextmanager
def speech_paths() -> Iterator[SpeechPaths]:
    """The files of ``demo speech``."""
    with _paths("speech_transformer.onnx", "speech_graph", "speech_unheard.npz") as paths:
        yield SpeechPaths(*paths)


@contextmanager
def _paths(model: str, graph: str, samples: str) -> Iterator[list[Path]]:
    """Model, graph, its constants, samples."""
    folder = resources.files("microformer.demo")
    names = (model, f"{graph}.json", f"{graph}.npz", samples)
    with ExitStack() as stack:
        yield [stack.enter_context(resources.as_file(folder.joinpath(name))) for name in names]
