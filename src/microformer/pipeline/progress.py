"""How a pipeline says what it is doing."""

from collections.abc import Callable
from contextlib import AbstractContextManager

Advance = Callable[[int, int], None]

Progress = Callable[[str], AbstractContextManager[Advance]]
"""Where the stages say what they are at: ``with progress("calibrate") as advance``."""
