"""A compiled model: what is kept of the whole road, on disk or in memory."""

from dataclasses import dataclass

from microformer.graph.float_model import FloatModel
from microformer.graph.int_graph import IntGraph
from microformer.graph.project import CProject


@dataclass(frozen=True, eq=False)
class Compiled:
    """All that is needed to run, check and measure a compiled model.

    ``meaningful_ranges`` is False if the model was calibrated on random data.
    """

    target: str
    softmax: str
    meaningful_ranges: bool
    float_model: FloatModel
    int_graph: IntGraph
    project: CProject
