"""docs/reference/: commands with every option, errors, JSON records, from the code itself.

`python bench/reference_pages.py` writes them; a test holds the pages to the code.
"""

import inspect
import json
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


WHAT = {
    "report": "`microformer run --json`, `report --json`; what `compare` reads",
    "compile": "`microformer compile --json`",
    "estimate": "`microformer estimate --json`",
    "audit": "`microformer audit --json`",
    "bench": "`microformer bench --json`",
    "validate": "`microformer validate --json`",
    "target": "a board's record, `targets --show NAME --json`",
}


def json_page() -> str:
    """Every record that a command prints, field by field, from the published schemas."""
    lines = [
        "# JSON",
        "",
        _prose(
            "Written by `python bench/reference_pages.py` from `docs/schema/`, the JSON schemas of "
            "all records. Null stands where there is no honest figure. What a field means is in "
            "the record's own words above its table, and in [the API](api.md)."
        ),
        "",
    ]
    for name, what in WHAT.items():
        schema = json.loads((PAGES.parent / "schema" / f"{name}.json").read_text("utf-8"))
        lines += [f"## {name}", "", f"{what}.", ""]
        for part in (schema, *schema.get("$defs", {}).values()):
            if "properties" in part:
                lines += _fields(part)
    return "\n".join(lines)


def _fields(schema: Any) -> list[str]:
    lines = [f"### {schema['title']}", ""]
    if text := schema.get("description"):
        lines += [_prose(_cell(text).replace("``", "`").replace("\\|", "|")), ""]
    lines += ["| field | type |", "|---|---|"]
    for name, field in schema["properties"].items():
        lines.append(f"| `{name}` | {_cell(_type(field))} |")
    return [*lines, ""]


def _type(field: Any) -> str:
    if "$ref" in field:
        return str(field["$ref"].rpartition("/")[2])
    if "anyOf" in field:
        return " or ".join(_type(part) for part in field["anyOf"])
    if "enum" in field or "const" in field:
        return " or ".join(f'"{value}"' for value in field.get("enum", [field.get("const")]))
    if field.get("type") == "array":
        return f"list of {_type(field['items'])}" if field.get("items") else "list"
    return str(field.get("type", "anything"))


ALL = {"command.md": command_page, "errors.md": errors_page, "json.md": json_page}

if __name__ == "__main__":
    for file, made in ALL.items():
        (PAGES / file).write_text(made(), "utf-8")
