"""The report that a run ends with."""

from pathlib import Path

import typer

from microformer.cli.bars import print_view
from microformer.records import to_csv
from microformer.report import Report
from microformer.report.terminal import view
from microformer.scratch import refuse_existing


def check_page(html: Path | None, force: bool) -> None:
    """Refuse a page that is there already before anything is done. Raises OutputError."""
    if html is not None:
        refuse_existing(html, force=force)


def show(result: Report, as_json: bool, *, as_csv: bool = False, html: Path | None = None) -> None:
    """Print the report, and write its page; exit code 1 if the program was not bit-exact."""
    if html is not None:
        result.html(html, force=True)
    if as_json:
        print(result.to_json())
    elif as_csv:
        print(to_csv(result.table()), end="")
    else:
        print_view(view(result))
        if html is not None:
            print(f"page: {html}")
    if not result.exact:
        raise typer.Exit(1)
