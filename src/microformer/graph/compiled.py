"""A compiled model: what is kept of the whole pipeline, on disk or in memory."""

from dataclasses import dataclass

from microformer.graph.float_model import FloatModel
from microformer.graph.frontend import FrontEnd
from microformer.graph.int_graph import IntGraph
from microformer.graph.project import CProject
from microformer.targets import Target


@dataclass(frozen=True, eq=False)
class Compiled:
    """All that is needed to run, check and measure a compiled model.

    ``target`` is the whole record, so that it runs where nobody else knows the board.
    ``calibrated`` is False if the model was calibrated on random data.
    ``front`` is its front end, if it has one.
    """

    target: Target
    softmax: str
    calibrated: bool
    float_model: FloatModel
    int_graph: IntGraph
    project: CProject
    front: FrontEnd | None = None
