"""Options of the command that say how a model is to be read."""

from typing import Annotated

import typer

FixOption = Annotated[
    list[str] | None, typer.Option("--fix", help="NAME=1: fill a further input with one number.")
]
ExactOption = Annotated[
    bool, typer.Option("--exact-import", help="Keep a quantised model's operations apart.")
]


def fixed_inputs(options: list[str] | None) -> dict[str, float] | None:
    """``["mask=1"]`` -> ``{"mask": 1.0}``."""
    numbers: dict[str, float] = {}
    for option in options or []:
        name, _, number = option.rpartition("=")
        try:
            numbers[name] = float(number)
        except ValueError:
            name = ""
        if not name:
            raise typer.BadParameter(f"'{option}' is not NAME=1", param_hint="--fix")
    return numbers or None


def shapes(options: list[str] | None) -> dict[str, list[int]] | None:
    """``["x=1,9,32"]`` -> ``{"x": [1, 9, 32]}``."""
    sizes_of: dict[str, list[int]] = {}
    for option in options or []:
        name, _, sizes = option.rpartition("=")
        try:
            sizes_of[name] = [int(size) for size in sizes.split(",")]
        except ValueError:
            sizes_of[name] = []
        if not name or min(sizes_of[name], default=0) < 1:
            raise typer.BadParameter(f"'{option}' is not NAME=1,9,32", param_hint="--shape")
    return sizes_of or None
