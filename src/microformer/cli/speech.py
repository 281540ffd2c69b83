"""``microformer demo speech --data DIR``: spoken digits, from a microphone's samples to word."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from microformer import pipeline
from microformer.cli.bars import Bars
from microformer.cli.recognised import Shown, recognise_all
from microformer.cli.recognised import Words as Said
from microformer.demo import speech_paths
from microformer.demo.speech import SOURCE, SPEC, WORDS, Words, fingerprint, read_words
from microformer.errors import DataError
from microformer.graph.compiled import Compiled
from microformer.samples import Samples
from microformer.targets import Target

TARGET = "cortex-m4"
EACH = 2
"""Recordings of a word that run on the target."""
WHAT = (
    "A word is 0.97 s: 48 windows of 32 ms, each to 32 logarithms of its mel bands, then the "
    "network once."
)


def speech_demo(
    folder: Path | None, target: str | None, board_for: Callable[[str], Target], as_json: bool
) -> None:
    """Run recordings by the speaker who was not heard in training; exit code 1 if a byte was
    wrong. Raises DataError where there are none."""
    if folder is None:
        raise DataError(
            f"demo speech needs recordings: --data DIR, a copy of {SOURCE}; none ship with it."
        )
    board = board_for(target or TARGET)
    words = read_words(folder)
    with speech_paths() as paths:
        with np.load(paths.samples, allow_pickle=False) as file:
            unheard = file["unheard"]
        with Bars() as bars:
            with bars("load"):
                model = pipeline.load_model(paths.model)
            with bars("emit"):
                compiled = pipeline.compile_graph(
                    *(model, paths.graph, paths.constants, board), front=SPEC, optimize="size"
                )
    new = _unheard(words, unheard)
    if not len(new):
        raise DataError(
            f"'{folder}' holds no recording of the speaker who was held out; it must be a whole "
            f"copy of {SOURCE}."
        )
    chosen = _some(words, new)
    windows = words.windows()
    shown = Shown(
        f"words of a speaker not heard in training, on {board.name}, from samples to word",
        "word",
        list(WORDS),
        words.y[chosen],
        windows[chosen],
    )
    share = _share(compiled, windows[new], words.y[new])
    whence = (
        f"All {len(new)} recordings of that speaker, by the same integers in NumPy: "
        f"{100 * share:.1f} % right. Recordings: {SOURCE}."
    )
    record = {"recorded": True, "source": SOURCE, "heard": len(new), "accuracy_int8": share}
    recognise_all(compiled, board, shown, Said("word", WHAT, whence, record), as_json)


def _unheard(words: Words, unheard: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Indices of the recordings whose speaker was held out, by content."""
    names = np.array([fingerprint(audio) for audio in words.audio], np.uint64)
    return np.flatnonzero(np.isin(names, unheard))


def _some(words: Words, new: NDArray[np.int64]) -> NDArray[np.int64]:
    """EACH of every word, spread over its recordings."""
    parts = []
    for digit in range(len(WORDS)):
        mine = new[words.y[new] == digit]
        parts.append(mine[np.linspace(0, len(mine) - 1, EACH).astype(int)] if len(mine) else mine)
    return np.concatenate(parts)


def _share(compiled: Compiled, windows: NDArray[np.int16], y: NDArray[np.int64]) -> float:
    """Share right of all, features and network by the reference of the program."""
    (scores,) = pipeline.predict_model(compiled, Samples(windows, y)).values()
    return float((scores.argmax(axis=-1) == y).mean())
