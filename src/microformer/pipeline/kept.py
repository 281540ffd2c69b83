"""What was measured on boards, kept in the user's own data folder for later reports."""

import json
from pathlib import Path

import platformdirs

from microformer.errors import OutputError
from microformer.validate import Validation


def measured_path(board: str) -> Path:
    """Where what was measured on a board is kept, for all models."""
    return platformdirs.user_data_path("microformer") / "measured" / f"{board}.json"


def keep(found: Validation) -> Path:
    """Keep the board's factor, for later reports. Raises OutputError if it cannot be written."""
    path = measured_path(found.target)
    record = {
        "board": found.board,
        "model": found.model,
        "measured_on": found.measured_on,
        "factor": found.factor,
        "cycles": found.cycles,
        "clock_hz": found.clock_hz,
        "counter": found.counter,
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(record, indent=2) + "\n", "utf-8")
    except OSError as error:
        raise OutputError(f"'{path}' cannot be written: {error.strerror}.") from None
    return path


def kept(board: str) -> dict[str, object] | None:
    """What ``keep`` wrote of a board, None where nothing was measured or the file is broken."""
    try:
        found = json.loads(measured_path(board).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("factor"), float):
        return None
    whole = isinstance(found.get("clock_hz"), int) and found["clock_hz"] > 0
    named = all(isinstance(found.get(key), str) for key in ("board", "model", "measured_on"))
    return found if whole and named and 0.0 < found["factor"] < 1e6 else None
