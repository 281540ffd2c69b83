"""A compiled model: what is kept of the whole pipeline, on disk or in memory."""

from dataclasses import dataclass

from microformer.graph.float_model import FloatModel
from microformer.graph.frontend import FrontEnd
from microformer.graph.int_graph import IntGraph
from microformer.graph.project import CProject
from microformer.page.numbers import count
from microformer.page.tables import html_table
from microformer.targets import Target


@dataclass(frozen=True, eq=False, repr=False)
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

    def summary(self) -> list[tuple[str, str]]:
        """(what, figure): what it is, for whom, and how large."""
        project = self.project
        ends = [("input", self.float_model.inputs), ("output", self.float_model.outputs)]
        shapes = [(what, ", ".join(f"{e.name} {list(e.shape)}" for e in of)) for what, of in ends]
        macs = sum(layer.macs for layer in project.layers)
        return [
            ("target", f"{self.target.name}, {self.target.board}"),
            *shapes,
            ("layers", f"{len(project.layers)}, {count(macs)} MAC, softmax {self.softmax}"),
            ("constants", f"{count(project.weight_bytes)} B"),
            ("arena", f"{count(project.arena_bytes)} B"),
            ("ranges", "from samples" if self.calibrated else "from noise: accuracy means nothing"),
        ]

    def __repr__(self) -> str:
        figures = "\n".join(f"  {what:<10} {figure}" for what, figure in self.summary())
        return f"Compiled {self.project.name}\n{figures}"

    def _repr_html_(self) -> str:
        layers = [
            (layer.name, layer.op, layer.shape, layer.kernel, count(layer.macs))
            for layer in self.project.layers
        ]
        heads = ("layer", "operation", "shape", "kernel", "MAC")
        short = html_table(self.summary(), caption=f"{self.project.name}, compiled")
        return short + html_table(layers, heads, fold="layers")
