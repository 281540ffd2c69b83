"""Stage ``quantize``: FloatModel + Ranges -> IntGraph.

Its parts are imported when they are needed: with them come onnx_ir and sympy, half a second that
a program which only runs what was compiled does not have.
"""

from microformer.graph.conversion import Conversion
from microformer.graph.float_model import FloatModel, ImportedScale, Ranges
from microformer.graph.int_graph import IntGraph
from microformer.quantize.places import with_places

__all__ = ["convert", "imported_scales", "quantize", "with_places"]


def convert(
    model: FloatModel,
    ranges: Ranges,
    *,
    softmax: str = "lut",
    int16_tensors: frozenset[str] = frozenset(),
) -> Conversion:
    """Every tensor int, every scale exact, and still one step for one float node.

    ``softmax`` is "lut" (equation 3) or "ibert" (equation 4). The tensors ``int16_tensors`` of
    ``analysis.residual.residual_tensors`` are int16. Raises UnsupportedOpError for a
    node that has no integer form and ArithmeticProofError where 32 bits do not suffice.
    """
    from microformer.quantize import conversion  # noqa: PLC0415

    return conversion.convert(model, ranges, softmax, int16_tensors)


def quantize(
    model: FloatModel,
    ranges: Ranges,
    *,
    softmax: str = "lut",
    int16_tensors: frozenset[str] = frozenset(),
) -> IntGraph:
    """The integer program of ``model``: ``convert``, simplified, and proven in 32 bits."""
    from microformer.quantize import conversion  # noqa: PLC0415

    return conversion.quantize(model, ranges, softmax, int16_tensors)


def imported_scales(model: FloatModel, graph: IntGraph) -> tuple[ImportedScale, ...]:
    """What became of the scales that ``model`` brought along; empty where it brought none."""
    from microformer.quantize import kept  # noqa: PLC0415

    return kept.imported_scales(model.imported, graph)
