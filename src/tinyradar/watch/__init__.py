"""``watch``: a page on this computer that plays recordings as a device would see them.

``recordings`` says what is played, ``basis`` what the network is, ``program`` makes it one of
8-bit integers and measures it on a target, ``show`` puts all of it together, ``server`` hands it
to ``page/``, which is plain HTML, CSS and JavaScript and loads nothing from anywhere else.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tinyradar.dataset.traces import holds_traces
from tinyradar.errors import RadarError
from tinyradar.models import find
from tinyradar.watch.basis import Progress, basis
from tinyradar.watch.program import program
from tinyradar.watch.recordings import (
    Recording,
    labels_of,
    open_recordings,
    simulated_recordings,
)
from tinyradar.watch.show import Show
from tinyradar.watch.traces import MODEL as TRACES
from tinyradar.watch.traces import TraceShow, watch_traces

__all__ = ["Options", "watch"]


@dataclass(frozen=True)
class Options:
    """``source``: a file or folder; None simulates ``gestures`` (all, if there are none)."""

    source: Path | None
    gestures: Sequence[str]
    model: str
    fold: int
    target: str | None
    place: Path | None
    seed: int


def watch(options: Options, new_bar: Callable[[str], Progress]) -> Show | TraceShow:
    """Read or simulate, quantise, measure. Raises RadarError or MicroformerError.

    A folder of recorded traces, or ``model`` transformer-traces, plays traces.
    """
    traces = options.source is not None and options.source.is_dir() and holds_traces(options.source)
    if traces or options.model == TRACES:
        return watch_traces(options.source, options.fold, options.target, options.seed, new_bar)
    model = find(options.model)
    labels = labels_of(options.gestures)
    recordings: list[Recording] = []
    if options.source is not None:  # before all that takes long: a wrong path is said at once
        recordings = open_recordings(options.source)
    about = "Whether the network was trained on these persons is not known here."
    found = basis(model, options.fold, options.place, new_bar)
    if options.source is None:
        if not found.data.simulated:
            raise RadarError(
                "These weights are of recorded hands; give a recording in place of --simulate."
            )
        recordings = simulated_recordings(labels, found.held_out, options.seed)
        about = f"A simulated person on whom the network of fold {options.fold} was not trained."
    advance = new_bar("compile and measure")
    advance(0, 1)
    made = program(found, options.target)
    advance(1, 1)
    return Show(recordings, found, made, about)
