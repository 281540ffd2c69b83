"""Who gestures: a hand and a manner for each person, a place for each session, drawn by seed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

# Hand seen from above, metres, palm's centre at 0: x to the right, y to the fingertips, z up.
PALM_M = np.array(
    [[-0.025, -0.02, 0.0], [0.025, -0.02, 0.0], [-0.025, 0.02, 0.0], [0.025, 0.02, 0.0]]
)
FINGERS_M = np.array(
    [
        [-0.055, 0.025, -0.012],  # thumb
        [-0.026, 0.070, -0.006],  # index
        [0.000, 0.078, -0.004],  # middle
        [0.022, 0.072, -0.005],  # ring
        [0.042, 0.056, -0.008],  # pinky
    ]
)
THUMB, INDEX, MIDDLE, RING, PINKY = range(5)
PALM_AMPLITUDE, FINGER_AMPLITUDE = 0.4, 0.5


@dataclass(frozen=True)
class Person:
    """A hand and a manner. Factors are 1 for the average person.

    ``yaw``, ``tilt``: how the hand is held, radians; ``tremor_m``, ``tremor_hz``: the hand's own
    trembling; ``sharpness``: 0 for sinusoidal strokes, 1 for abrupt ones; ``follow``: how much the
    palm moves along with its fingers; ``direction``: which way round a circle goes;
    ``reflect`` [9]: reflectivity of palm points and fingers.
    """

    size: float
    speed: float
    amplitude: float
    height_m: float
    yaw: float
    tilt: float
    tremor_m: float
    tremor_hz: float
    sharpness: float
    follow: float
    direction: int
    plane: float
    reflect: Floats


@dataclass(frozen=True)
class Session:
    """Where the hand is held (metres, against the person's habit) and what else is in view.

    ``clutter`` [n, 3] metres and ``clutter_amplitude`` [n]; ``gain`` of the receiver.
    """

    place: Floats
    gain: float
    clutter: Floats
    clutter_amplitude: Floats


def generator(seed: int, *keys: int) -> np.random.Generator:
    """The random numbers of one thing: independent of what else is drawn, and in which order."""
    return np.random.Generator(np.random.PCG64(np.random.SeedSequence([seed, *keys])))


def draw_person(random: np.random.Generator) -> Person:
    """A person as the population has them."""
    base = np.r_[np.full(4, PALM_AMPLITUDE), np.full(5, FINGER_AMPLITUDE)]
    return Person(
        size=float(np.exp(random.normal(0.0, 0.08))),
        speed=float(np.exp(random.normal(0.0, 0.12))),
        amplitude=float(np.exp(random.normal(0.0, 0.15))),
        height_m=float(random.uniform(0.12, 0.19)),
        yaw=float(random.normal(0.0, 0.20)),
        tilt=float(random.normal(0.0, 0.10)),
        tremor_m=float(np.exp(random.normal(np.log(0.00015), 0.4))),
        tremor_hz=float(random.uniform(7.0, 11.0)),
        sharpness=float(random.uniform(0.0, 0.8)),
        follow=float(random.uniform(0.02, 0.15)),
        direction=int(random.choice([-1, 1])),
        plane=float(random.normal(0.0, 0.25)),
        reflect=base * np.exp(random.normal(0.0, 0.20, 9)),
    )


def draw_session(random: np.random.Generator) -> Session:
    """A sitting: the hand's place, and two to four things that do not move."""
    count = int(random.integers(2, 5))
    clutter = np.c_[
        random.normal(0.0, 0.05, count),
        random.normal(0.0, 0.05, count),
        random.uniform(0.10, 0.32, count),
    ]
    return Session(
        place=random.normal(0.0, [0.010, 0.012, 0.012]),
        gain=float(np.exp(random.normal(0.0, 0.10))),
        clutter=clutter,
        clutter_amplitude=np.exp(random.normal(np.log(0.25), 0.4, count)),
    )
