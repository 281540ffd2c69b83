"""An audit as one HTML page that needs no network: bars a layer, and the advice below them."""

from pathlib import Path
from typing import Any

from microformer.audit.record import Audit
from microformer.errors import ToolError
from microformer.scratch import write_whole

_ROW = 26  # pixels a layer
_COLUMNS = ("cost at the end (dB)", "SQNR of the output (dB)", "clipped (%)", "range used (%)")


def plot(made: Audit, path: Path) -> None:
    """Write the page. ToolError without plotly, OutputError where it cannot be written."""
    try:
        import plotly.graph_objects as go  # noqa: PLC0415  optional, and slow to import
        from plotly.subplots import make_subplots  # noqa: PLC0415
    except ImportError:
        raise ToolError("A plot needs plotly: pip install 'microformer[plot]'.") from None
    figure = _bars(made, go, make_subplots(1, 4, shared_yaxes=True, subplot_titles=_COLUMNS))
    parts = (
        figure.to_html(full_html=False, include_plotlyjs=True),
        _advice(made, go).to_html(full_html=False, include_plotlyjs=False),
    )
    page = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Audit</title></head>'
    text = f"{page}<body>{''.join(parts)}</body></html>\n"
    write_whole(path, text)


def _bars(made: Audit, go: Any, figure: Any) -> Any:
    """One bar a layer in each of ``_COLUMNS``, in the model's order; the advice on hovering."""
    names = [layer.name for layer in made.layers]
    hover = [f"{layer.op}<br>{layer.advice}" for layer in made.layers]
    columns = (
        [layer.cost_db for layer in made.layers],
        [layer.sqnr_db for layer in made.layers],
        [100 * layer.saturated for layer in made.layers],
        [100 * layer.range_use for layer in made.layers],
    )
    for place, values in enumerate(columns, 1):
        bar = go.Bar(x=values, y=names, orientation="h", hovertext=hover, showlegend=False)
        figure.add_trace(bar, row=1, col=place)
    figure.update_yaxes(autorange="reversed")
    accuracy = ""
    if made.accuracy_float is not None and made.accuracy_int8 is not None:
        accuracy = f", accuracy float {made.accuracy_float:.2%}, int8 {made.accuracy_int8:.2%}"
    title = f"{made.model}: output SQNR {made.sqnr_db:.1f} dB over {made.samples} samples{accuracy}"
    return figure.update_layout(
        title=title, height=160 + _ROW * len(names), template="plotly_white"
    )


def _advice(made: Audit, go: Any) -> Any:
    """The layers that cost something, worst first, as a table."""
    layers = made.costly()
    columns = [
        [layer.name for layer in layers],
        [layer.op for layer in layers],
        [f"{layer.cost_db:.2f}" for layer in layers],
        [layer.advice for layer in layers],
    ]
    table = go.Table(
        columnwidth=[2, 1.4, 1, 6],
        header={"values": ["layer, worst first", "operation", "cost (dB)", "what to do"]},
        cells={"values": columns, "align": "left"},
    )
    return go.Figure(table).update_layout(height=140 + 2 * _ROW * max(len(layers), 1))
