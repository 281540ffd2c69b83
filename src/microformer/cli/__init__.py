"""The command ``microformer``: a thin view of the pipeline."""

from typing import Annotated

import typer

from microformer.cli.compile import compile_command
from microformer.cli.estimate import estimate_command
from microformer.cli.export import export_command
from microformer.cli.measure import audit_command, bench_command
from microformer.cli.report import compare_command, report_command
from microformer.cli.run import demo_command, run_command
from microformer.cli.search import search_command
from microformer.cli.targets import targets_command
from microformer.cli.validate import validate_command
from microformer.entry import run_command_line

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Transformers on microcontrollers: a float model in, a bit-exact int8 C program out.",
)
app.command("targets")(targets_command)
app.command("estimate")(estimate_command)
app.command("compile")(compile_command)
app.command("run")(run_command)
app.command("report")(report_command)
app.command("compare")(compare_command)
app.command("export")(export_command)
app.command("validate")(validate_command)
app.command("demo")(demo_command)
app.command("bench")(bench_command)
app.command("audit")(audit_command)
app.command("search")(search_command)


@app.command("setup-pulp")
def setup_pulp() -> None:
    """Have pip bring the RTL of both PULP cores into the user's cache; once."""
    from microformer import pipeline

    for folder in pipeline.fetch_rtl(lambda what: print(f"fetching {what}")):
        print(f"RTL with its licence: {folder}")


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        import microformer

        print(microformer.__version__)
        raise typer.Exit


def main() -> None:
    """Entry point: one sentence and exit code 2 for whatever is the user's to mend."""
    run_command_line("microformer", app)
