"""docs/reference/: the commands with every option, the errors, from the code itself.

`python bench/reference_pages.py` writes them; a test holds the pages to the code.
"""

import inspect
import textwrap
from pathlib import Path
from typing import Any

import typer

from microformer import errors
from microformer.cli import app as microformer_app

PAGES = Path(__file__).parents[1] / "docs" / "reference"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _prose(text: str) -> str:
    return textwrap.fill(text, 120, break_on_hyphens=False)


def _default(option: Any) -> str:
    value = option.default
    if value in (None, (), "", False) or callable(value):
        return ""
    return "yes" if value is True else f"`{getattr(value, 'value', value)}`"


def _command(name: str, command: Any) -> list[str]:
    lines = [f"## {name}", "", _prose(_cell(command.help or "").replace("``", "`")), ""]
    lines += ["| option | what | default |", "|---|---|---|"]
    for option in command.params:
        if "--help" in option.opts:
            continue
        names = ", ".join(f"`{word}`" for word in option.opts)
        if option.param_type_name == "argument":
            names = f"**{option.name.upper()}**"
        need = " (needed)" if option.required else ""
        lines.append(
            f"| {names} | {_cell(getattr(option, 'help', '') or '')}{need} | {_default(option)} |"
        )
    return [*lines, ""]


def command_page() -> str:
    """Every command of ``microformer`` with its options."""
    group: Any = typer.main.get_command(microformer_app)
    lines = [
        "# The command",
        "",
        _prose(
            "Written from the code by `python bench/reference_pages.py`. All commands end with 0, "
            "with 1 where something was not as it should be (a byte, a limit), with 2 and one "
            "sentence where something of yours is to be mended, with 130 after Ctrl-C. `--debug` "
            "anywhere prints the traceback too; `--install-completion` completes words in your "
            "shell."
        ),
        "",
    ]
    for name in group.commands:
        lines += _command(f"microformer {name}", group.commands[name])
    return "\n".join(lines)


def errors_page() -> str:
    """Every error that a caller can catch."""
    lines = [
        "# Errors",
        "",
        _prose(
            "Written from the code by `python bench/reference_pages.py`. In Python these are "
            "raised, each with one sentence: what is wrong, where, what to do. The command prints "
            "that sentence and ends with 2."
        ),
        "",
        "| error | kind of | meaning |",
        "|---|---|---|",
    ]
    for name, kind in vars(errors).items():
        if (
            isinstance(kind, type)
            and issubclass(kind, Exception)
            and kind.__module__ == errors.__name__
        ):
            base = kind.__bases__[0].__name__
            lines.append(
                f"| `{name}` | `{base}` | {_cell(inspect.getdoc(kind) or '').replace('``', '`')} |"
            )
    return "\n".join([*lines, ""])


ALL = {"command.md": command_page, "errors.md": errors_page}

if __name__ == "__main__":
    for file, made in ALL.items():
        (PAGES / file).write_text(made(), "utf-8")
