"""The serial port by which a board's firmware speaks: a kind of peripheral, where, and how to
set it up, all as data."""

from dataclasses import dataclass
from typing import Literal

from microformer.targets.strict import Strict

SerialKind = Literal[
    "stm32-usart", "stm32-usart-v2", "cmsdk", "pl011", "ns16550", "nrf-uart", "semihosting"
]


@dataclass(frozen=True)
class Write(Strict):
    """A word at ``address``: bits ``clear`` off, then bits ``set`` on."""

    address: int
    set: int = 0
    clear: int = 0


@dataclass(frozen=True)
class Serial(Strict):
    """A peripheral of ``kind`` at ``base``, clocked by ``clock_hz``, after ``setup`` in order.

    The clock is what the chip has after a reset, unless the firmware sets another.
    """

    kind: SerialKind
    base: int = 0
    clock_hz: int = 0
    baud: int = 115_200
    setup: tuple[Write, ...] = ()


SEMIHOSTING = Serial("semihosting")
"""Where a board's file names no port: by way of a debugger, or a hook of the user's own."""
