"""An audit as one HTML page that needs no network: bars a layer, and the advice beside them."""

from pathlib import Path

from microformer.audit.record import Audit, LayerAudit
from microformer.errors import OutputError, ToolError

_ROW = 26  # pixels a layer
_COLUMNS = ("cost at the end (dB)", "SQNR of the output (dB)", "clipped (%)", "range used (%)")


def _hover(layer: LayerAudit) -> str:
    return f"{layer.op}<br>{layer.advice}"


def plot(made: Audit, path: Path) -> None:
    """Write the page. ToolError without plotly, OutputError where it cannot be written."""
    try:
        import plotly.graph_objects as go  # noqa: PLC0415  optional, and slow to import
        from plotly.subplots import make_subplots  # noqa: PLC0415
    except ImportError:
        raise ToolError("A plot needs plotly: pip install 'microformer[plot]'.") from None
    names = [layer.name for layer in made.layers]
    hover = [_hover(layer) for layer in made.layers]
    columns = (
        [layer.cost_db for layer in made.layers],
        [layer.sqnr_db for layer in made.layers],
        [100 * layer.saturated for layer in made.layers],
        [100 * layer.range_use for layer in made.layers],
    )
    figure = make_subplots(1, 4, shared_yaxes=True, subplot_titles=_COLUMNS)
    for place, values in enumerate(columns, 1):
        bar = go.Bar(x=values, y=names, orientation="h", hovertext=hover, showlegend=False)
        figure.add_trace(bar, row=1, col=place)
    figure.update_yaxes(autorange="reversed")
    accuracy = ""
    if made.accuracy_float is not None and made.accuracy_int8 is not None:
        accuracy = f", accuracy float {made.accuracy_float:.2%}, int8 {made.accuracy_int8:.2%}"
    title = f"{made.model}: output SQNR {made.sqnr_db:.1f} dB over {made.samples} samples{accuracy}"
    figure.update_layout(title=title, height=160 + _ROW * len(names), template="plotly_white")
    advice = [layer for layer in made.ranked() if not layer.advice.startswith("nothing")]
    table = go.Figure(
        go.Table(
            columnwidth=[2, 1, 1, 6],
            header={"values": ["layer, worst first", "operation", "cost (dB)", "what to do"]},
            cells={
                "values": [
                    [layer.name for layer in advice],
                    [layer.op for layer in advice],
                    [f"{layer.cost_db:.2f}" for layer in advice],
                    [layer.advice for layer in advice],
                ],
                "align": "left",
            },
        )
    )
    table.update_layout(height=140 + 2 * _ROW * max(len(advice), 1))
    parts = (
        figure.to_html(full_html=False, include_plotlyjs=True),
        table.to_html(full_html=False, include_plotlyjs=False),
    )
    page = '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Audit</title></head>'
    text = f"{page}<body>{''.join(parts)}</body></html>\n"
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise OutputError(f"'{path}' cannot be written: {error.strerror}.") from None
