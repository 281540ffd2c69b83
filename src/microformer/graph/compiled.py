"""A compiled model: what is kept of the whole road, on disk or in memory."""

from dataclasses import dataclass

from microformer.graph.float_model import FloatModel
from microformer.graph.frontend import FrontEnd
from microformer.graph.int_graph import IntGraph
from microformer.graph.project import CProject


@dataclass(frozen=True, eq=False)
class Compiled:
    """All that is needed to run, check and measure a compiled model.

    ``meaningful_ranges`` is False if the model was calibrated on random data. On a cluster it was
    compiled for ``cores`` (None: as many as the target has) and for ``weights`` in "l1" or "l2".
    ``front`` is its front end, if it has one.
    """

    target: str
    softmax: str
    meaningful_ranges: bool
    float_model: FloatModel
    int_graph: IntGraph
    project: CProject
    cores: int | None = None
    weights: str = "l2"
    front: FrontEnd | None = None
