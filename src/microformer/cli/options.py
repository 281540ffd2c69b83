"""Options that several commands share, and the checks of what they were given."""

from collections.abc import Callable
from dataclasses import MISSING, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from microformer.errors import DataError
from microformer.settings import DEFAULTS, Settings

if TYPE_CHECKING:
    from microformer.graph.frontend import LogMel, RangeDoppler, SensorFrontEnd
    from microformer.targets import Target

JsonFlag = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]
CsvFlag = Annotated[bool, typer.Option("--csv", help="Print the layers as CSV.")]
HtmlPath = Annotated[Path | None, typer.Option("--html", help="Write the report as one HTML page.")]
ForceFlag = Annotated[bool, typer.Option("--force", help="Replace a page that is there.")]
TargetName = Annotated[
    str,
    typer.Option(
        *("--target", "-t", "--board"),
        help="A board's name ('microformer targets --all'), or a file of your own, .toml or .json.",
    ),
]
FlashBytes = Annotated[
    str | None, typer.Option("--flash", help="512K: bytes of flash, other than the board has.")
]
RamBytes = Annotated[
    str | None, typer.Option("--ram", help="96K: bytes of RAM, other than the board has.")
]
Clock = Annotated[
    str | None, typer.Option("--clock", help="64M: another clock than the board's, in Hz.")
]
Power = Annotated[
    float | None,
    typer.Option("--power-mw", min=1e-6, help="What you measured at that clock, in milliwatts."),
]
Cores = Annotated[int | None, typer.Option(help="Cores of a PULP cluster, 1 to 8 (default 8).")]
Weights = Annotated[
    str | None,
    typer.Option(help="Memory for constants: l1 or l2 of a cluster, or one of the board's, DTCM."),
]
EffortName = Annotated[
    str, typer.Option("--effort", help="To lose less accuracy: low, normal (default) or high.")
]
ResidualName = Annotated[
    str,
    typer.Option("--residual", help="Residual stream: enough, rows, int8, int16 or auto."),
]
ShapeOption = Annotated[
    list[str] | None,
    typer.Option(help="NAME=1,9,32: an input's whole shape, where its axes are dynamic."),
]
FixOption = Annotated[
    list[str] | None, typer.Option("--fix", help="NAME=1: fill a further input with one number.")
]
FromOption = Annotated[
    list[str] | None,
    typer.Option("--from", help="Begin at this inner tensor of the file (repeatable)."),
]
ToOption = Annotated[
    list[str] | None, typer.Option("--to", help="End at this inner tensor (repeatable).")
]
StateOption = Annotated[
    list[str] | None,
    typer.Option(
        "--state", help="IN=OUT: this input is, in each call, what that output was in the last."
    ),
]
ExactOption = Annotated[
    bool, typer.Option("--exact-import", help="Keep a quantised model's operations apart.")
]
WaitFlag = Annotated[
    bool,
    typer.Option("--wait-states", help="Count the board's wait states and cache."),
]
FrontOption = Annotated[
    str | None,
    typer.Option(
        help="points=492,sensors=2,count=634,unit=64,step=2: a radar's samples become the input "
        "in an entry point of its own."
    ),
]
MelOption = Annotated[
    str | None,
    typer.Option(
        help="rate=8000,fft=256,hop=160,mels=32[,cepstra=13]: a microphone's samples become the "
        "input in an entry point of its own."
    ),
]
OptimizeName = Annotated[
    str,
    typer.Option("--optimize", help="speed (default), balanced, or size: less code, more cycles."),
]
SoftmaxName = Annotated[str, typer.Option("--softmax", help="lut (default) or ibert.")]


CalibrationSamples = Annotated[
    int,
    typer.Option(min=1, help="Take the ranges from at most so many samples, evenly chosen."),
]


def settings_of(
    softmax: str,
    effort: str = "normal",
    residual: str = "enough",
    samples: int = DEFAULTS.samples,
    optimize: str = "speed",
) -> Settings:
    """The options checked; exit code 2 where one is none of those that there are."""
    try:
        return Settings(softmax, effort, residual, samples, optimize)  # type: ignore[arg-type]  # it checks them
    except DataError as error:
        raise typer.BadParameter(str(error), param_hint=f"--{str(error).split()[0]}") from None


def board_of(
    target: str,
    cores: int | None = None,
    weights: str | None = None,
    *,
    flash: str | None = None,
    ram: str | None = None,
    clock: str | None = None,
    power_mw: float | None = None,
    wait_states: bool = False,
) -> "Target":
    """The board of the options ``--target``, ``--cores``, ``--flash`` and so on."""
    from microformer import targets
    from microformer.targets.quantities import frequency_of, size_of

    def read(text: str | None, reads: Callable[[str], int | None], name: str) -> int | None:
        value = None if text is None else reads(text)
        if text is not None and value is None:
            raise typer.BadParameter(f"'{text[:40]}' is none, as 512K or 64M", param_hint=name)
        return value

    board = targets.customised(
        targets.resolve(target, cores, weights),
        flash=read(flash, size_of, "--flash"),
        ram=read(ram, size_of, "--ram"),
        clock_hz=read(clock, frequency_of, "--clock"),
        power_mw=power_mw,
    )
    return targets.with_board_flash(board) if wait_states else board


def shapes(options: list[str] | None) -> dict[str, list[int]] | None:
    """``["x=1,9,32"]`` -> ``{"x": [1, 9, 32]}``."""
    found: dict[str, list[int]] = {}
    for option in options or []:
        name, _, sizes = option.rpartition("=")
        try:
            found[name] = [int(size) for size in sizes.split(",")]
        except ValueError:
            found[name] = []
        if not name or min(found[name], default=0) < 1:
            raise typer.BadParameter(f"'{option}' is not NAME=1,9,32", param_hint="--shape")
    return found or None


def state_pairs(options: list[str] | None) -> dict[str, str] | None:
    """``["past=present"]`` -> ``{"past": "present"}``."""
    found: dict[str, str] = {}
    for option in options or []:
        read, _, written = option.partition("=")
        if not read or not written or read in found:
            raise typer.BadParameter(f"'{option}' is not IN=OUT", param_hint="--state")
        found[read] = written
    return found or None


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


def front_end(radar: str | None, sound: str | None) -> "SensorFrontEnd | None":
    """``"points=492,sensors=2,count=634,unit=64"`` of a radar, or what ``LogMel`` takes."""
    from microformer.graph.frontend import LogMel, RangeDoppler

    if radar is not None and sound is not None:
        raise typer.BadParameter("a model has one front end", param_hint="--log-mel")
    if radar is not None:
        return _front_end(RangeDoppler, radar, "--range-doppler")
    return None if sound is None else _front_end(LogMel, sound, "--log-mel")


def _front_end(
    kind: "type[RangeDoppler] | type[LogMel]", option: str, hint: str
) -> "SensorFrontEnd":
    known = {f.name: float if f.type is float else int for f in fields(kind)}
    optional = [f.name for f in fields(kind) if f.default is not MISSING]
    try:
        pairs = [part.split("=") for part in option.split(",")]
        return kind(**{name: known[name](value) for name, value in pairs})  # type: ignore[arg-type]
    except (KeyError, TypeError, ValueError):
        message = (
            f"'{option}' is not NAME=NUMBER,... of {', '.join(known)}; {' and '.join(optional)} "
            "may be left out"
        )
        raise typer.BadParameter(message, param_hint=hint) from None
