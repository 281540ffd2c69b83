"""The check at each border between stages. A failure is a defect of microformer."""

from microformer.errors import VerifyError
from microformer.graph import ops
from microformer.graph.int_graph import IntGraph, Node
from microformer.graph.kernel_graph import KernelGraph
from microformer.graph.shapes import infer_shape
from microformer.graph.tensor import Tensor

_MOVES = (ops.Reshape, ops.Transpose, ops.Slice)
_READS_INT16 = (ops.Add, ops.LayerNorm, ops.Requantize, ops.RangeDoppler, ops.LogMel, *_MOVES)


def verify(graph: IntGraph, stage: str) -> IntGraph:
    """``graph`` itself if names, order, types and shapes are right; else VerifyError.

    ``stage`` names the stage or pass to blame.
    """
    known = {*graph.inputs, *(t.name for t in graph.constants())}
    for node in graph.nodes:
        for name in node.inputs:
            if name and name not in known:
                _fail(stage, node, f"reads '{name}' before it is computed")
        if node.output in known:
            _fail(stage, node, f"computes '{node.output}' a second time")
        known.add(node.output)
        _check_node(graph, node, stage)
    for name in graph.outputs:
        if name not in known:
            raise VerifyError(f"{stage}: the result '{name}' is never computed")
        if graph.tensors[name].dtype not in ("int8", "int32"):
            raise VerifyError(f"{stage}: the result '{name}' is {graph.tensors[name].dtype}")
    for read, written in graph.states:
        if read not in graph.inputs or written not in graph.outputs:
            raise VerifyError(f"{stage}: the state '{read}' is no input, or '{written}' no output")
        first, second = graph.tensors[read], graph.tensors[written]
        if first.size != second.size or first.qparams != second.qparams:
            raise VerifyError(f"{stage}: the ends of the state '{read}' are not alike")
    if len({node.name for node in graph.nodes}) != len(graph.nodes):
        raise VerifyError(f"{stage}: two nodes share one name")
    return graph


def _fail(stage: str, node: Node, what: str) -> None:
    raise VerifyError(f"{stage}: node '{node.name}' ({node.op.kind}) {what}")


def _check_node(graph: IntGraph, node: Node, stage: str) -> None:
    inputs, output = graph.operands(node), graph.tensors[node.output]
    shape = infer_shape(node.op, inputs)
    if shape != output.shape:
        _fail(stage, node, f"gives shape {shape}, but '{output.name}' has {output.shape}")
    _check_types(node, inputs, output, stage)
    inner = node.op.conv if isinstance(node.op, ops.ConvPool) else node.op
    shift = getattr(inner, "shift", 1)
    acc64 = getattr(inner, "acc64", isinstance(inner, ops.MatMul))
    limit = 62 if acc64 else 30
    if not 1 <= shift <= limit:
        _fail(stage, node, f"shifts by {shift}; 1..{limit} are allowed")
    if isinstance(node.op, ops.Concat):
        quants = {t.qparams for t in (*inputs, output) if t is not None and t.qparams is not None}
        if len(quants) > 1:
            _fail(stage, node, "joins tensors of different scales")
    if isinstance(inner, ops.Lstm | ops.Gru):
        shifts = (inner.shift, inner.gate_shift, inner.out_shift)
        if not all(1 <= s <= 30 for s in shifts):
            _fail(stage, node, f"shifts by {shifts}; 1..30 are allowed")
        if not 3 <= getattr(inner, "cell_bits", 3) <= 8:
            _fail(stage, node, "has cells that its table does not reach")
        if any(t is None or t.shape != (257,) for t in inputs[4:6]):
            _fail(stage, node, "has a table that is not 257 entries")
    if isinstance(inner, ops.Linear | ops.Conv2d):
        table = inputs[4] if len(inputs) > 4 else None
        if table is not None and table.shape != (256,):
            _fail(stage, node, "has a table that is not 256 bytes")


def _check_types(node: Node, inputs: tuple[Tensor | None, ...], output: Tensor, stage: str) -> None:
    """int8 everywhere but in a residual stream, which few operations read or write."""
    if isinstance(node.op, _MOVES):
        wanted = inputs[0].dtype if inputs[0] is not None else "int8"
    else:
        wanted = f"int{getattr(node.op, 'bits', 8)}"
    if output.dtype != wanted:
        _fail(stage, node, f"has an output of type {output.dtype}")
    if output.qparams is not None and output.qparams.dtype != output.dtype:
        _fail(stage, node, f"has an output of type {output.dtype} at {output.qparams.bits} bits")
    reads = [t.name for t in inputs if t is not None and t.data is None and t.dtype == "int16"]
    if reads and not isinstance(node.op, _READS_INT16):
        _fail(stage, node, f"reads '{reads[0]}' of type int16")
    if isinstance(node.op, ops.Requantize) and not reads:
        _fail(stage, node, "narrows what is not int16")


def verify_kernels(graph: KernelGraph) -> KernelGraph:
    """``graph`` itself if every argument resolves and every view lies inside its buffer."""
    for name, view in graph.views.items():
        if view.base in graph.views:
            raise VerifyError(f"lower: view '{name}' is a view of a view")
        end = view.offset + graph.tensors[name].nbytes
        if view.offset < 0 or end > graph.tensors[view.base].nbytes:
            raise VerifyError(f"lower: view '{name}' leaves its buffer '{view.base}'")
    for call in graph.calls:
        for arg in call.args:
            if arg.kind in {"in", "out", "const"} and arg.value not in graph.tensors:
                raise VerifyError(f"lower: {call.name} refers to unknown '{arg.value}'")
    return graph
