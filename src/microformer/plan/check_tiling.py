"""The checker's part for calls that are done tile by tile. Shares no code with the planner."""

from microformer.errors import VerifyError
from microformer.graph.kernel_graph import KernelCall, Operand, Plan, Tiling


def check_tiling(plan: Plan, call: KernelCall) -> None:
    """VerifyError unless the tiles of ``call`` write its output once, wholly, by way of L1."""
    tiling, graph = call.tiling, plan.graph
    in_l2 = {
        name
        for name in (*call.inputs, call.output)
        if graph.buffer(name) in {*plan.l2_offsets, *plan.caller_l2}
    }
    if tiling is None:
        direct = graph.target.second_ram() is not None  # a second RAM is as near as the first
        if in_l2 and not call.streams and not direct:
            raise VerifyError(f"plan: {call.name} works on {sorted(in_l2)}, which lie in L2")
        return
    staged = {o.tensor for o in tiling.operands if o.buffers}
    if not in_l2 <= staged:
        raise VerifyError(f"plan: {call.name} does not stage {sorted(in_l2 - staged)}")
    _check_scratch(plan, call, tiling)
    for operand in tiling.operands:
        if len(operand.spans) != tiling.count:
            raise VerifyError(f"plan: {call.name} has no span of '{operand.tensor}' a tile")
        size = graph.tensors[operand.tensor].nbytes
        seen = bytearray(size)
        for span in operand.spans:
            for row in range(span.rows):
                begin = span.offset + row * span.pitch
                if begin < 0 or begin + span.width > size:
                    raise VerifyError(f"plan: {call.name} leaves '{operand.tensor}'")
                if operand.out and any(seen[begin : begin + span.width]):
                    raise VerifyError(f"plan: {call.name} writes '{operand.tensor}' twice")
                seen[begin : begin + span.width] = b"\1" * span.width
        if operand.out and not all(seen) and call.node is not None:
            raise VerifyError(f"plan: {call.name} does not write all of '{operand.tensor}'")
        _check_place(call, tiling, operand)


def _check_place(call: KernelCall, tiling: Tiling, operand: Operand) -> None:
    """Tiles that overlap in time share no staging buffer, unless all see the same bytes."""
    changes = any(span != operand.spans[0] for span in operand.spans)
    if operand.buffers and len(operand.buffers) < (tiling.buffering if changes else 1):
        raise VerifyError(f"plan: tiles of {call.name} share a buffer of '{operand.tensor}'")
    if operand.out and tiling.count > 1 and not changes:
        raise VerifyError(f"plan: all tiles of {call.name} write the same")
    strided = not all(span.dense for span in operand.spans)
    if not operand.buffers and strided and not call.pitched:
        raise VerifyError(f"plan: {call.name} reads '{operand.tensor}' as if it had no gaps")
    if operand.out and not operand.buffers and call.inplace:
        _check_same_rows(call, tiling, operand)


def _check_same_rows(call: KernelCall, tiling: Tiling, operand: Operand) -> None:
    """An output in L1 may lie on an input only where both have the same rows in each tile."""
    for other in tiling.operands:
        if other.tensor in call.inplace and not other.buffers and other.spans != operand.spans:
            raise VerifyError(f"plan: tiles of {call.name} overtake '{other.tensor}'")


def _check_scratch(plan: Plan, call: KernelCall, tiling: Tiling) -> None:
    """The kernel's scratch, staging buffers and constants lie apart in the call's scratch."""
    parts = [(0, tiling.kernel_bytes, "the kernel's scratch")]
    for operand in tiling.operands:
        parts += [(at, operand.buffer_bytes, operand.tensor) for at in operand.buffers]
    parts += [(at, plan.graph.tensors[name].nbytes, name) for name, at in tiling.constants]
    end = 0
    for at, size, what in sorted(part for part in parts if part[1]):
        if at < end or at % 8 or at + size > call.scratch_bytes:
            raise VerifyError(f"plan: staging of {what} in {call.name} overlaps or leaves scratch")
        end = at + size
