"""The command ``tinyradar``."""

from typing import Annotated

import typer

import microformer
from microformer import MicroformerError, run_command_line
from tinyradar.cli.data import cache_command, inspect_command, simulate_command
from tinyradar.cli.nets import reproduce_command, train_command
from tinyradar.cli.search import search_command
from tinyradar.cli.watch import watch_command
from tinyradar.errors import RadarError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Hand gestures from a 60 GHz radar: the use case of microformer.",
)
app.command("simulate")(simulate_command)
app.command("cache")(cache_command)
app.command("inspect")(inspect_command)
app.command("train")(train_command)
app.command("reproduce")(reproduce_command)
app.command("search")(search_command)
app.command("watch")(watch_command)


@app.callback(invoke_without_command=True)
def _version(
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    if version:
        print(microformer.__version__)
        raise typer.Exit


def main() -> None:
    """Entry point: one sentence and exit code 2 for whatever is the user's to mend."""
    run_command_line("tinyradar", app, (RadarError, MicroformerError))
