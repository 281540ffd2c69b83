"""What became of the scales that a quantised file brought along: each kept, or why it is not."""

from collections.abc import Mapping

from microformer.graph.float_model import FileTensor, Imported, ImportedScale
from microformer.graph.int_graph import IntGraph
from microformer.graph.tensor import QParams


def imported_scales(imported: Imported | None, graph: IntGraph) -> tuple[ImportedScale, ...]:
    """All quantised activations of the file, in its order; none of a float file."""
    if imported is None:
        return ()
    held: dict[str, list[QParams]] = {}
    for tensor in graph.tensors.values():
        origin = imported.origins.get(tensor.source)
        if origin and tensor.qparams is not None and tensor.data is None:
            held.setdefault(origin, []).append(tensor.qparams)
    known = {tensor.name: tensor for tensor in imported.tensors}
    return tuple(_state(tensor, held, known) for tensor in imported.tensors)


def _state(
    tensor: FileTensor, held: Mapping[str, list[QParams]], known: Mapping[str, FileTensor]
) -> ImportedScale:
    qparams, found = tensor.qparams, held.get(tensor.name, [])
    reason = ""
    if found and qparams not in found:
        other = found[0]
        reason = f"the program has scale {other.scale:.6g}, zero point {other.zero_point} for it"
    elif not found:
        behind = _next_held(tensor, held, known)
        maker = " and ".join(repr(n) for n in behind) or "the output"
        reason = f"merged into the operation that makes {maker}"
    changed = bool(found) and bool(reason)
    return ImportedScale(tensor.name, qparams.scale, qparams.zero_point, reason, changed)


def _next_held(
    tensor: FileTensor, held: Mapping[str, list[QParams]], known: Mapping[str, FileTensor]
) -> list[str]:
    """The nearest tensors computed of it that the program has."""
    seen, front, found = {tensor.name}, [*tensor.followers], []
    while front:
        name = front.pop(0)
        if name in seen:
            continue
        seen.add(name)
        if name in held:
            found.append(name)
        elif name in known:
            front += known[name].followers
    return found
