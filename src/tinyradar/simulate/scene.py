"""A recording: a person, a session and a gesture become scatterers, and these become sweeps."""

import numpy as np

from tinyradar.dataset.recording import Sweeps
from tinyradar.simulate.gestures import TRAJECTORIES, Motion
from tinyradar.simulate.people import FINGERS_M, PALM_M, Floats, Person, Session
from tinyradar.simulate.radar import RATE_HZ, SENSORS_M, Noise, Scatterers, observe

NOISE = Noise(thermal=0.10, phase_rad=0.02)
SECONDS = (2.2, 3.2)
"""Shortest and longest recording."""


def record(gesture: str, person: Person, session: Session, random: np.random.Generator) -> Sweeps:
    """One recording of ``gesture``: complex64 [2 sensors, sweeps, 492]."""
    n = int(random.integers(int(SECONDS[0] * RATE_HZ), int(SECONDS[1] * RATE_HZ)))
    trajectory, rate_hz = TRAJECTORIES[gesture]
    time = np.arange(n) / RATE_HZ
    pace = person.speed * np.exp(random.normal(0.0, 0.08))
    # the pace is never even: it wanders by some percent with a time constant of half a second
    wander = 1.0 + 0.08 * _slow(random, n, 0.5)
    phase = random.uniform(0.0, 1.0) + np.cumsum(wander) * (rate_hz * pace / RATE_HZ)
    motion = trajectory(phase, person)
    extent = person.amplitude * np.exp(random.normal(0.0, 0.08))
    hand = _hand(motion, extent, person, session, time, random)
    fixed = np.broadcast_to(session.clutter, (n, *session.clutter.shape))
    still = np.broadcast_to(session.clutter_amplitude, (n, len(session.clutter_amplitude)))
    scene = Scatterers(
        np.concatenate([hand.position, fixed], axis=1),
        np.concatenate([hand.amplitude, still], axis=1) * session.gain,
    )
    return np.stack([observe(scene, sensor, NOISE, random) for sensor in SENSORS_M])


def _slow(random: np.random.Generator, n: int, seconds: float) -> Floats:
    """A slow random walk that stays near 0, of variance 1: [n]."""
    keep = np.exp(-1.0 / (seconds * RATE_HZ))
    steps = random.normal(0.0, np.sqrt(1.0 - keep * keep), n)
    walk = np.empty(n)
    value = random.normal()
    for i, step in enumerate(steps):
        value = keep * value + step
        walk[i] = value
    return walk


def _hand(
    motion: Motion,
    extent: float,
    person: Person,
    session: Session,
    time: Floats,
    random: np.random.Generator,
) -> Scatterers:
    """The nine scatterers of a hand in motion: [n, 9, 3]."""
    n = len(time)
    fingers = FINGERS_M + extent * motion.fingers  # [n, 5, 3]
    points = np.concatenate([np.broadcast_to(PALM_M, (n, 4, 3)), fingers], axis=1) * person.size
    points = points + extent * person.follow * motion.fingers.mean(axis=1, keepdims=True)
    points = _turn(points, extent * motion.roll + person.tilt, person.yaw)
    tremor = (
        person.tremor_m
        * np.sqrt(2.0)
        * np.sin(2.0 * np.pi * (person.tremor_hz * time[:, None] + random.uniform(0.0, 1.0, 3)))
    )
    drift = 0.0008 * np.stack([_slow(random, n, 1.0) for _ in range(3)], axis=1)
    centre = np.array([0.0, -0.02, person.height_m]) + session.place
    place = centre + extent * motion.shift + tremor + drift  # [n, 3]
    position = points + place[:, None]
    position[..., 2] = np.maximum(position[..., 2], 0.05)  # nobody's hand goes through the table
    flicker = 1.0 + 0.10 * np.stack([_slow(random, n, 0.3) for _ in range(9)], axis=1)
    amplitude = person.reflect * np.maximum(flicker, 0.0) * motion.seen[:, None]
    return Scatterers(position, amplitude)


def _turn(points: Floats, roll: Floats, yaw: float) -> Floats:
    """Roll about y (the fingers' axis), then yaw about z."""
    c, s = np.cos(roll)[:, None], np.sin(roll)[:, None]
    x, y, z = points[..., 0], points[..., 1], points[..., 2]
    x, z = c * x + s * z, c * z - s * x
    x, y = np.cos(yaw) * x - np.sin(yaw) * y, np.sin(yaw) * x + np.cos(yaw) * y
    return np.stack([x, y, z], axis=-1)
