"""A study as one HTML page that needs no network: every trial, the front, the finalists."""

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Any

from microformer.errors import ToolError
from microformer.scratch import write_whole
from microformer.search.finalists import Finalist
from microformer.search.record import Found, Tried


def write_page(made: Found, finalists: Sequence[Finalist], path: Path) -> None:
    """Write the page. ToolError without plotly, OutputError where it cannot be written."""
    try:
        import plotly.graph_objects as go  # noqa: PLC0415  optional, and slow to import
    except ImportError:
        raise ToolError("A page needs plotly: pip install 'microformer[search]'.") from None
    settings = made.settings
    title = f"{len(made.trials)} trials for {settings.target}, seed {settings.seed}"
    figure = go.Figure(layout={"title": {"text": title}, "template": "plotly_white"})
    trained = [t for t in made.trials if t.loss is not None]
    _points(figure, go, trained, "trained", "markers", "#7a9cc6")
    _points(figure, go, made.on_front(), "front", "lines+markers", "#c0392b")
    figure.update_xaxes(title_text=f"cycles on {settings.target} (estimate)", type="log")
    figure.update_yaxes(title_text="held-out loss")
    body = figure.to_html(full_html=False, include_plotlyjs=True)
    text = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Search</title>'
        "<style>body{font:15px sans-serif;margin:1em}table{border-collapse:collapse}"
        "td,th{padding:.2em .7em;text-align:right;border-bottom:1px solid #ddd}</style></head>"
        f"<body>{body}{_table(finalists)}{_left_out(made)}</body></html>\n"
    )
    write_whole(path, text)


def _points(
    figure: Any, go: Any, tried: Sequence[Tried], name: str, mode: str, colour: str
) -> None:
    hover = [f"trial {t.number}<br>{escape(str(t.params))}" for t in tried]
    figure.add_trace(
        go.Scatter(
            x=[t.cycles for t in tried],
            y=[t.loss for t in tried],
            name=name,
            mode=mode,
            marker={"color": colour},
            hovertext=hover,
        )
    )


def _table(finalists: Sequence[Finalist]) -> str:
    """Predicted beside measured."""
    if not finalists:
        return ""
    heads = "trial", "loss", "unseen", "predicted", "measured", "kind", "RAM, B", "flash, B"
    rows = [f"<tr>{''.join(f'<th>{head}</th>' for head in heads)}</tr>"]
    for one in finalists:
        losses = " ".join(f"{loss:.4f}" for loss in one.losses)
        scores = " ".join(f"{score:.4f}" for score in one.scores) or "-"
        cells = (
            *(one.number, losses, scores, _count(one.predicted_cycles)),
            *(one.reason or _count(one.cycles), one.cycles_kind or "-"),
            *(_count(one.ram_bytes), _count(one.flash_bytes)),
        )
        rows.append(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in cells)}</tr>")
    return f"<h2>Finalists</h2><table>{''.join(rows)}</table>"


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def _left_out(made: Found) -> str:
    """What was not trained to its end, and why."""
    rest = [t for t in made.trials if t.loss is None]
    if not rest:
        return ""
    lines = "".join(f"<li>trial {t.number}: {t.state}, {escape(t.why)}</li>" for t in rest)
    return f"<h2>Not trained to the end</h2><ul>{lines}</ul>"
