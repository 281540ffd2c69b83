"""The C arguments of a radar's front end."""

from collections.abc import Sequence

from microformer.graph.kernel_graph import Arg
from microformer.graph.ops import RangeDoppler
from microformer.graph.tensor import Tensor


def range_doppler(
    op: RangeDoppler, inputs: Sequence[Tensor | None], output: Tensor
) -> tuple[Arg, ...]:
    """Samples, table, map; sensors, points, step, preshift; scratch."""
    samples, table = inputs[:2]
    assert samples is not None and table is not None
    integers = (samples.shape[0], samples.shape[2], op.step, op.preshift)
    return (
        Arg("in", samples.name),
        Arg("const", table.name),
        Arg("out", output.name),
        *(Arg("int", value) for value in integers),
        Arg("scratch"),
    )
