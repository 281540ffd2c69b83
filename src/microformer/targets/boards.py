"""The boards that ship, a TOML file each in ``boards/``: found by name, by alias, by words."""

import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

from microformer.errors import TargetError
from microformer.targets.runners import HostRunner
from microformer.targets.target import Target

HOST = Target(
    name="host",
    board="this machine",
    isas=("ref",),
    runner=HostRunner(),
    unaligned_access=True,
    core="host",
)
REFERENCE = (
    *("host", "cortex-m0plus", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"),
    *("cortex-m85", "rv32imc", "hazard3", "pulp-ri5cy", "pulp-cv32e40p"),
)
"""One board a core, called after it: what the project's own figures are of."""


def _folder() -> Traversable:
    return resources.files("microformer.targets").joinpath("boards")


def board_text(board: Target) -> str:
    """The file of a board that ships, as one's own may begin; TargetError for the host."""
    if board.is_host:
        raise TargetError("The host is this machine and has no file; show another target.")
    return text_of(board.name).rstrip("\n")


def text_of(name: str) -> str:
    """The file of a board that ships."""
    return _folder().joinpath(f"{name}.toml").read_text("utf-8")


@cache
def _shipped(name: str) -> Target:
    if name == HOST.name:
        return HOST
    # pydantic takes a fifth of a second: for who needs a board
    from microformer.targets.board_file import board_of  # noqa: PLC0415

    return board_of(text_of(name), f"{name}.toml")


class Boards(Mapping[str, Target]):
    """Targets by name, each read when it is asked for."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._names = names

    def __getitem__(self, name: str) -> Target:
        if name not in self._names:
            raise KeyError(name)
        return _shipped(name)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


def _names() -> tuple[str, ...]:
    found = (p.name.removesuffix(".toml") for p in _folder().iterdir() if p.name.endswith(".toml"))
    rest = sorted(set(found) - set(REFERENCE))
    return (*REFERENCE, *rest)


TARGETS: Mapping[str, Target] = Boards(REFERENCE)
"""One board a core, by name."""
BOARDS: Mapping[str, Target] = Boards(_names())
"""Every board that ships, by name."""


@cache
def aliases() -> dict[str, str]:
    """Other names, in small letters, of the boards that ship; their own ones too."""
    found = {name.casefold(): name for name in BOARDS}
    for name in BOARDS:
        if name == HOST.name:
            continue
        for alias in tomllib.loads(text_of(name)).get("aliases", ()):
            found.setdefault(alias.casefold(), name)
    return found


def find(name: str) -> Target:
    """The board called ``name``, or with this alias, in small letters or capitals.

    Raises TargetError that names the nearest, if there is none.
    """
    if name in BOARDS:
        return BOARDS[name]  # the aliases are in ninety files
    known = aliases()
    if name.casefold() in known:
        return BOARDS[known[name.casefold()]]
    near = [known[n] for n in get_close_matches(name.casefold(), known, 8, 0.55)]
    hint = ", ".join(dict.fromkeys(near)) or ", ".join(TARGETS)
    raise TargetError(
        f"There is no target '{name[:60]}'; the nearest are: {hint}; 'microformer targets --all' "
        "lists them all, or give a file of your own board, .toml or .json."
    )


def _family(board: Target) -> str:
    return "RISC-V riscv" if board.is_riscv else "Arm" * (not board.is_host)


def search(words: str) -> tuple[Target, ...]:
    """Boards that have each of the ``words`` in their name, an alias, their chip or core."""
    wanted = words.casefold().split()
    others: dict[str, list[str]] = {}
    for alias, name in aliases().items():
        others.setdefault(name, []).append(alias)
    return tuple(
        board
        for name, board in BOARDS.items()
        if all(
            word
            in f"{board.board} {board.core} {_family(board)} {' '.join(others[name])}".casefold()
            for word in wanted
        )
    )
