"""``microformer report`` and ``compare``: runs that were made, shown again or side by side."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from microformer.cli.options import CsvFlag, ForceFlag, JsonFlag

if TYPE_CHECKING:
    from microformer.report import Report

Source = Annotated[
    Path, typer.Argument(help="A folder whose program has run, or the JSON that a run printed.")
]


def _read(source: Path) -> "Report":
    """The report of a folder or a JSON file. Raises OutputError or DataError."""
    from microformer.errors import DataError
    from microformer.report import Report
    from microformer.store import kept_report

    if source.is_dir():
        return Report.from_json(kept_report(source))
    try:
        text = source.read_bytes()
    except OSError as error:
        raise DataError(f"'{source}' cannot be read: {error.strerror}.") from None
    try:
        return Report.from_json(text)
    except DataError as error:
        raise DataError(f"'{source}': {error}") from None


def report_command(
    source: Source,
    html: Annotated[
        Path | None,
        typer.Option("--html", "-o", help="The page (default: report.html beside the record)."),
    ] = None,
    force: ForceFlag = False,
    as_csv: CsvFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Write the last run of a folder as one HTML page; or print it as JSON or CSV."""
    from microformer.records import to_csv

    made = _read(source)
    if as_json:
        print(made.to_json())
    elif as_csv:
        print(to_csv(made.table()), end="")
    if html is None and (as_json or as_csv):
        return
    path = html or (source if source.is_dir() else source.parent) / "report.html"
    made.html(path, force=force)
    if not as_json and not as_csv:
        print(f"page: {path}")


def compare_command(
    sources: Annotated[
        list[Path],
        typer.Argument(
            help="Folders that have run or JSON reports; the first is held against the others."
        ),
    ],
    fail_if: Annotated[
        list[str] | None,
        typer.Option(
            "--fail-if",
            help="Exit code 1 where 'cycles>+2%' (against the first), 'ram_bytes>+512' or "
            "'accuracy_int8<0.97'; repeatable.",
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", "-o", help="Page to write.")] = None,
    force: ForceFlag = False,
    as_csv: CsvFlag = False,
    as_json: JsonFlag = False,
) -> None:
    """Several runs side by side: figures, what changed, cycles by layer."""
    from microformer.cli.bars import print_fitted
    from microformer.cli.board import check_page
    from microformer.records import to_csv
    from microformer.report.compare import compare
    from microformer.report.compare_view import compare_page, compare_view
    from microformer.scratch import write_whole

    check_page(html, force)
    if len(sources) < 2:
        raise typer.BadParameter("give two at least", param_hint="sources")
    names = _names(sources)
    made = compare(names, [_read(source) for source in sources], fail_if or ())
    if html is not None:
        write_whole(html, compare_page(made))
    if as_json:
        print(made.to_json())
    elif as_csv:
        rows = [{"figure": f.key} | dict(zip(names, f.values, strict=True)) for f in made.figures]
        print(to_csv(rows), end="")
    else:
        print_fitted(lambda width: compare_view(made, width))
        if html is not None:
            print(f"page: {html}")
    if made.broken:
        raise typer.Exit(1)


def _names(sources: list[Path]) -> list[str]:
    """What tells the sources apart: their names, or their whole paths where two are alike."""
    short = [source.name.removesuffix(".json") or str(source) for source in sources]
    if len(set(short)) == len(short):
        return short
    full = [str(source) for source in sources]
    return full if len(set(full)) == len(full) else [f"{i}: {n}" for i, n in enumerate(full, 1)]
