"""What cannot fit is refused before anything is computed, or before C is compiled."""

from microformer.errors import TargetError
from microformer.graph.float_model import FloatModel
from microformer.graph.kernel_graph import KernelCall, Plan
from microformer.targets import Target

_WEIGHTED = ("Linear", "Conv", "Gather")


def refuse_too_large(model: FloatModel, target: Target) -> None:
    """TargetError where the weights alone exceed the target's flash, before anything is computed.

    A weight takes a byte at least; layers of one weight store it once.
    """
    sizes = {
        node.inputs[place].name: node.inputs[place].const_value.size  # type: ignore[union-attr]
        for node in model.model.graph
        if node.op_type in _WEIGHTED
        for place in ((0,) if node.op_type == "Gather" else (1,))
        if node.inputs[place] is not None and node.inputs[place].const_value is not None  # type: ignore[union-attr]
    }
    total = sum(sizes.values())
    if target.is_host:
        return
    where, memory = target.code_memory()
    if total > memory.size_bytes:
        largest = max(sizes, key=lambda name: sizes[name])
        raise TargetError(
            f"'{model.name}' does not fit into {target.name} ({target.board}): with its {total:,} "
            f"weights alone it exceeds the {memory.size_bytes:,} bytes of {where}; "
            f"choose a larger target or a smaller model; the largest weight is '{largest}'."
        )


def refuse_too_much(placed: Plan, target: Target) -> None:
    """TargetError where constants or buffers of a plan exceed a memory, before C is compiled."""
    if target.is_host or target.is_cluster:  # a cluster's plan has its own memories checked
        return
    graph = placed.graph
    used = {str(a.value) for call in graph.calls for a in call.args if a.kind == "const"}
    ends = sum(graph.tensors[n].nbytes for n in (*graph.inputs, *graph.outputs))
    for (memory, part), need in (
        (target.code_memory(), sum(graph.tensors[n].nbytes for n in used)),
        (target.data_memory(), placed.arena_bytes + ends + target.stack_bytes),
    ):
        size = part.size_bytes
        other = target.second_ram()
        if memory == "flash" or other is None:
            beside = ""
        else:
            beside = f", and the {other.size_bytes:,} of {other.name} beside it are too few"
        if need > size:
            raise TargetError(
                f"'{graph.name}' does not fit into {target.name} ({target.board}): it exceeds the "
                f"{size:,} bytes of {memory} by {need - size:,} bytes or more{beside}; choose a "
                "larger target or a smaller model; the heaviest layers are "
                f"{_heaviest(placed, memory)}."
            )


def _heaviest(placed: Plan, memory: str) -> str:
    """The three layers that need most of a memory, with what they need."""
    graph = placed.graph

    def need(call: KernelCall) -> int:
        if memory == "flash":
            names = {str(a.value) for a in call.args if a.kind == "const"}
        else:
            names = {graph.buffer(n) for n in (*call.inputs, call.output)}
        held = sum(graph.tensors[n].nbytes for n in names)
        return held + (0 if memory == "flash" else call.scratch_bytes)

    worst = sorted(graph.calls, key=lambda call: -need(call))[:3]
    return ", ".join(f"{call.name} ({need(call):,} B)" for call in worst)
