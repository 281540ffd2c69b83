"""What each gesture does to a hand: parametric trajectories, one function a gesture.

A motion is made of cycles. ``phase`` counts them (1.25: a quarter into the second cycle); strokes
within a cycle are written with ``ramp``. Lengths are metres for the average person.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tinyradar.simulate.people import INDEX, MIDDLE, PINKY, RING, THUMB, Floats, Person


@dataclass
class Motion:
    """``shift`` [n, 3] and ``roll`` [n] (radians, about the fingers' axis) of the hand, ``fingers``
    [n, 5, 3] of each fingertip against it, ``seen`` [n] in 0..1 how much of it returns."""

    shift: Floats
    roll: Floats
    fingers: Floats
    seen: Floats


def ramp(x: Floats, begin: float, end: float, sharpness: float) -> Floats:
    """0 before ``begin``, 1 after ``end``, a smooth stroke between; sharper ones are steeper."""
    u = np.clip((x - begin) / (end - begin), 0.0, 1.0)
    smooth = 0.5 - 0.5 * np.cos(np.pi * u)
    return (1.0 - sharpness) * smooth + sharpness * (0.5 - 0.5 * np.cos(np.pi * smooth))


def _still(n: int) -> Motion:
    return Motion(np.zeros((n, 3)), np.zeros(n), np.zeros((n, 5, 3)), np.ones(n))


def _pinch(phase: Floats, person: Person, finger: int, meet: Floats) -> Motion:
    """Thumb and ``finger`` close, touch and open: both go to ``meet`` (of the way, each)."""
    motion = _still(len(phase))
    x = phase % 1.0
    closed = ramp(x, 0.05, 0.40, person.sharpness) - ramp(x, 0.50, 0.85, person.sharpness)
    motion.fingers[:, THUMB] = closed[:, None] * meet * [1.0, 1.0, 1.0]
    motion.fingers[:, finger] = closed[:, None] * meet * [-1.0, -1.0, 1.0]
    return motion


def pinch_index(phase: Floats, person: Person) -> Motion:
    """Thumb and index close and open."""
    return _pinch(phase, person, INDEX, np.array([0.012, 0.018, -0.016]))


def pinch_pinky(phase: Floats, person: Person) -> Motion:
    """Thumb and pinky close and open, farther and across the palm; the ring finger follows."""
    motion = _pinch(phase, person, PINKY, np.array([0.044, 0.014, -0.030]))
    motion.fingers[:, RING] = 0.5 * motion.fingers[:, PINKY]
    return motion


def finger_slider(phase: Floats, person: Person) -> Motion:
    """The thumb slides along the index, there and back."""
    motion = _still(len(phase))
    slide = np.sin(2.0 * np.pi * phase)
    motion.fingers[:, THUMB] = slide[:, None] * [0.006, 0.026, 0.014] + [0.020, 0.015, -0.006]
    motion.fingers[:, INDEX] = -0.12 * slide[:, None] * [0.0, 0.026, 0.014]
    return motion


def finger_rub(phase: Floats, person: Person) -> Motion:
    """Thumb against index and middle finger, fast small circles."""
    motion = _still(len(phase))
    angle = 2.0 * np.pi * phase
    circle = np.stack([np.cos(angle), np.sin(angle), 0.9 * np.sin(angle)], axis=-1)
    motion.fingers[:, THUMB] = 0.009 * circle + [0.025, 0.035, -0.008]
    motion.fingers[:, INDEX] = -0.004 * circle
    motion.fingers[:, MIDDLE] = -0.004 * circle
    return motion


def _swipe(phase: Floats, person: Person, stroke: float) -> Motion:
    """Right to left in ``stroke`` of a cycle; back lifted, out of the beam."""
    motion = _still(len(phase))
    x = phase % 1.0
    there = ramp(x, 0.02, 0.02 + stroke, person.sharpness)
    back = ramp(x, 0.55 + 0.4 * stroke, 0.98, 0.0)
    lifted = ramp(x, 0.02 + stroke, 0.1 + stroke, 0.0) - ramp(x, 0.9, 1.0, 0.0)
    motion.shift[:, 0] = 0.09 - 0.18 * (there - back)
    motion.shift[:, 2] = 0.05 * lifted
    motion.seen = 1.0 - 0.6 * lifted
    return motion


def slow_swipe(phase: Floats, person: Person) -> Motion:
    """The palm passes slowly from right to left."""
    return _swipe(phase, person, 0.55)


def fast_swipe(phase: Floats, person: Person) -> Motion:
    """The palm passes fast from right to left."""
    return _swipe(phase, person, 0.25)


def _stroke(phase: Floats, person: Person, sign: float) -> Motion:
    """A fast stroke along the beam, a rest, and a slow way back."""
    motion = _still(len(phase))
    x = phase % 1.0
    there = ramp(x, 0.03, 0.33, person.sharpness)
    motion.shift[:, 2] = sign * 0.06 * (there - ramp(x, 0.45, 1.0, 0.0) - 0.5)
    return motion


def push(phase: Floats, person: Person) -> Motion:
    """Down on the sensors, fast; back slowly."""
    return _stroke(phase, person, -1.0)


def pull(phase: Floats, person: Person) -> Motion:
    """Up from the sensors, fast; back slowly."""
    return _stroke(phase, person, 1.0)


def palm_tilt(phase: Floats, person: Person) -> Motion:
    """The palm rolls about the fingers' axis, to and fro."""
    motion = _still(len(phase))
    motion.roll = 0.55 * np.sin(2.0 * np.pi * phase)
    return motion


def circle(phase: Floats, person: Person) -> Motion:
    """The hand draws a circle, in a plane and a direction of the person's own."""
    motion = _still(len(phase))
    angle = 2.0 * np.pi * phase * person.direction
    across = 0.028 * np.sin(angle)
    motion.shift[:, 0] = 0.028 * np.cos(angle)
    motion.shift[:, 1] = across * np.cos(person.plane)
    motion.shift[:, 2] = across * np.sin(person.plane)
    return motion


def palm_hold(phase: Floats, person: Person) -> Motion:
    """The hand is held as still as it can be."""
    return _still(len(phase))


def no_hand(phase: Floats, person: Person) -> Motion:
    """Nobody there."""
    motion = _still(len(phase))
    motion.seen = np.zeros(len(phase))
    return motion


TRAJECTORIES: dict[str, tuple[Callable[[Floats, Person], Motion], float]] = {
    "PinchIndex": (pinch_index, 1.7),
    "PinchPinky": (pinch_pinky, 0.9),
    "FingerSlider": (finger_slider, 0.9),
    "FingerRub": (finger_rub, 2.8),
    "SlowSwipeRL": (slow_swipe, 0.6),
    "FastSwipeRL": (fast_swipe, 0.9),
    "Push": (push, 0.85),
    "Pull": (pull, 0.85),
    "PalmTilt": (palm_tilt, 1.0),
    "Circle": (circle, 1.0),
    "PalmHold": (palm_hold, 1.0),
    "NoHand": (no_hand, 1.0),
}
"""Each gesture's trajectory and its cycles a second for the average person."""
