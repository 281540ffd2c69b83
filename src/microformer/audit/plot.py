"""An audit as one HTML page that needs nothing else: what each layer costs, and what to do."""

from pathlib import Path

from microformer.audit.record import Audit
from microformer.page import render
from microformer.page.axes import Axis
from microformer.page.drawing import RIGHT, WIDTH, Box, Drawing
from microformer.page.numbers import fixed, percent
from microformer.scratch import write_whole

PACKAGE = "microformer.audit"
HEIGHT, LEFT, FLOOR = 240, 56, 200


def plot(made: Audit, path: Path) -> None:
    """Write the page. OutputError where it cannot be written."""
    write_whole(path, audit_page(made))


def audit_page(made: Audit) -> str:
    """The whole page as text."""
    accuracy = ""
    if made.accuracy_float is not None and made.accuracy_int8 is not None:
        accuracy = f"{percent(made.accuracy_int8, 2)} in int8, {percent(made.accuracy_float, 2)}"
    most = max((layer.cost_db for layer in made.layers), default=0.0)
    return render(
        PACKAGE,
        "audit.html.j2",
        a=made,
        accuracy=accuracy,
        costly=made.costly(),
        rows=[
            (number, layer, layer.cost_db / most if most else 0.0)
            for number, layer in enumerate(made.layers)
        ],
        kept=sum(scale.kept for scale in made.imported_scales),
        drawing=_drawing(made),
    )


def _drawing(made: Audit) -> Drawing | None:
    """Cost of each layer as a bar, from first to last; what is within chance in another colour."""
    if not made.layers:
        return None
    costs = [layer.cost_db for layer in made.layers]
    along = Axis(0, len(costs), LEFT, WIDTH - RIGHT)
    up = Axis(0.0, max(*costs, 0.1) * 1.1, FLOOR, 16)
    boxes = []
    for number, layer in enumerate(made.layers):
        left, top = along.at(number + 0.1), up.at(layer.cost_db)
        wide = max(round(along.at(number + 0.9) - left, 1), 1.0)
        title = (
            f"{number} {layer.name} ({layer.op}): {fixed(layer.cost_db, 2)} dB, "
            f"output {fixed(layer.sqnr_db)} dB; {layer.advice}"
        )
        kind = "buffer" if layer.certain else "scratch"
        boxes.append(Box(left, top, wide, round(FLOOR - top, 1), title, kind))
    return Drawing(HEIGHT, along.marks(), up.marks(), tuple(boxes), left=LEFT, floor=FLOOR)
