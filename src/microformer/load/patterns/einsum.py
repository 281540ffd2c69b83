"""Einsum of two operands as Transpose, Reshape and MatMul, which the other patterns know."""

import math

import onnx_ir as ir

from microformer.load import edit
from microformer.load.patterns.reshapes import reshape


def lower_einsums(graph: ir.Graph) -> bool:
    """Rewrite each two-operand Einsum without repeated letters or ellipsis."""
    modified = False
    for node in list(graph):
        if edit.producer(node.outputs[0], "Einsum"):
            modified |= _lower(node)
    return modified


def _lower(node: ir.Node) -> bool:
    equation = node.attributes.get_string("equation", "").replace(" ", "")
    left, arrow, out = equation.partition("->")
    terms = left.split(",")
    if not arrow or len(terms) != 2 or not (left.replace(",", "") + out).isalpha():
        return False
    a, b = terms
    if any(len(set(term)) != len(term) for term in (a, b, out)):
        return False
    x, y = node.inputs
    if x is None or y is None or not set(out) <= set(a) | set(b):
        return False
    batch = [c for c in out if c in a and c in b]
    summed = [c for c in a if c in b and c not in out]
    rows, columns = (
        [c for c in out if c in own and c not in other] for own, other in ((a, b), (b, a))
    )
    if {*batch, *summed, *rows} != set(a) or {*batch, *summed, *columns} != set(b):
        return False  # a letter that only one operand has and the result drops
    pairs = list(zip(a + b, (*edit.shape_of(x), *edit.shape_of(y)), strict=True))
    sizes = dict(pairs)
    if any(sizes[letter] != size for letter, size in pairs):
        return False  # one operand has 1 there and is to be broadcast
    heads: list[str] = []
    if len(rows) > 1 and _product(batch, sizes) == 1 and not _is_constant(x, y):
        heads, rows = _shared_heads(x, a, rows)
    first = _grouped(node, x, a, ([*batch, *heads], rows, summed), sizes)
    second = _grouped(node, y, b, (batch, summed, columns), sizes)
    lead = [_product([*batch, *heads], sizes)] if [*batch, *heads] else []
    matrix = [*lead, _product(rows, sizes), _product(columns, sizes)]
    product = edit.insert(node, "MatMul", [first, second], matrix)
    letters = [*batch, *heads, *rows, *columns]
    spread = reshape(product, [sizes[c] for c in letters], node)
    edit.replace(node.outputs[0], _transposed(node, spread, letters, list(out), sizes))
    return True


def _is_constant(*values: ir.Value) -> bool:
    return any(edit.array_of(value) is not None for value in values)


def _shared_heads(x: ir.Value, term: str, rows: list[str]) -> tuple[list[str], list[str]]:
    """Letters of heads that share the second operand (multi-query attention), and that of rows.

    The last letter stands for the rows of a matrix: as the result has them, or, of probabilities,
    as they had them. Where it is no attention the heads become rows again (``products``).
    """
    if edit.producer(x, "Softmax"):
        rows = sorted(rows, key=term.index)
    return rows[:-1], rows[-1:]


def _product(letters: list[str], sizes: dict[str, int]) -> int:
    return math.prod(sizes[c] for c in letters)


def _grouped(
    node: ir.Node,
    value: ir.Value,
    term: str,
    groups: tuple[list[str], list[str], list[str]],
    sizes: dict[str, int],
) -> ir.Value:
    """An operand with its letters in the order of the groups, each group one axis."""
    order = [c for group in groups for c in group]
    shape = [_product(group, sizes) for group in groups]
    shape = shape if groups[0] else shape[1:]
    data = edit.array_of(value)
    if data is not None:
        return edit.constant(node, data.transpose([term.index(c) for c in order]).reshape(shape))
    return reshape(_transposed(node, value, list(term), order, sizes), shape, node)


def _transposed(
    node: ir.Node, value: ir.Value, have: list[str], want: list[str], sizes: dict[str, int]
) -> ir.Value:
    if have == want:
        return value
    perm = [have.index(c) for c in want]
    return edit.insert(node, "Transpose", [value], [sizes[c] for c in want], {"perm": perm})
