"""The simulator: the real set's files, the same bytes for a seed, and physics that holds."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

import tinyradar.simulate
from tinyradar.dataset.features import range_doppler
from tinyradar.dataset.recording import read_recording
from tinyradar.dataset.tree import G11, walk
from tinyradar.errors import DatasetError
from tinyradar.reproduce import fixed
from tinyradar.simulate import Population, simulate
from tinyradar.simulate.gestures import TRAJECTORIES
from tinyradar.simulate.people import draw_person, generator
from tinyradar.simulate.radar import (
    POINTS,
    RANGE_START_M,
    RANGE_STEP_M,
    RATE_HZ,
    WAVELENGTH_M,
    Noise,
    Scatterers,
    observe,
)

FROZEN = "9916f6e27db05fcf9bcb96f39f18fe769f089410e8d4de77d667b59523d6f0c9"
SILENT = Noise(0.0, 0.0)
HERE = np.zeros(3)


def digest(folder: Path) -> str:
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            found.update(path.relative_to(folder).as_posix().encode() + path.read_bytes())
    return found.hexdigest()


def approaching(distance: float, speed: float, sweeps: int = 32) -> Scatterers:
    z = distance - speed * np.arange(sweeps) / RATE_HZ
    position = np.zeros((sweeps, 1, 3))
    position[:, 0, 2] = z
    return Scatterers(position, np.ones((sweeps, 1)))


def test_same_seed_same_bytes_in_one_process_and_in_two(tmp_path: Path) -> None:
    population = Population(1, sessions=1, instances=1, seed=3)
    simulate(tmp_path / "a", population)
    simulate(tmp_path / "b", population, processes=2)
    simulate(tmp_path / "c", Population(1, sessions=1, instances=1, seed=4))
    assert digest(tmp_path / "a") == digest(tmp_path / "b") != digest(tmp_path / "c")


def test_a_person_does_not_depend_on_who_else_is_recorded(tmp_path: Path, tree: Path) -> None:
    simulate(tmp_path, Population(2, sessions=1, instances=1, seed=5))
    base = Path("11G/data/p1/Push/sess_0/0_s0.dat")
    assert (tmp_path / base).read_bytes() == (tree / base).read_bytes()


def test_the_tree_is_the_real_ones(tree: Path) -> None:
    sources = list(walk(tree))
    assert {s.person for s in sources} == {"p0", "p1", "p2"}
    assert {s.gesture for s in sources} == set(G11.gestures) == set(TRAJECTORIES)
    info, samples = read_recording(sources[0].base, 2)
    assert info.rate_hz == RATE_HZ and info.points == (POINTS, POINTS)
    assert samples.shape == (2, info.sweeps, POINTS) and samples.dtype == np.complex64
    assert (sources[0].base.with_name("0_s0.dat")).stat().st_size == info.sweeps * POINTS * 8


def test_a_scatterer_stands_in_its_range_cell() -> None:
    x = observe(approaching(0.2, 0.0), HERE, SILENT, generator(0))
    assert abs(int(np.abs(x[0]).argmax()) - round((0.2 - RANGE_START_M) / RANGE_STEP_M)) <= 1


@pytest.mark.parametrize("speed", [-0.15, -0.05, 0.05, 0.1, 0.15])
def test_a_scatterer_moves_in_its_doppler_bin(speed: float) -> None:
    x = observe(approaching(0.2, speed), HERE, SILENT, generator(0))
    power = (range_doppler(x).astype(float) ** 2).sum(axis=1)
    expected = 16 + 2.0 * speed / WAVELENGTH_M * 32 / RATE_HZ
    assert abs(int(power.argmax()) - expected) <= 0.75


def test_speeds_beyond_a_quarter_wavelength_a_sweep_fold() -> None:
    fold = WAVELENGTH_M / 2.0 * RATE_HZ
    near = observe(approaching(0.2, 0.05), HERE, SILENT, generator(0))
    far = observe(approaching(0.2 + fold * 0.1, 0.05 + fold), HERE, SILENT, generator(0))
    bins = [(range_doppler(x) ** 2).sum(axis=1).argmax() for x in (near, far)]
    assert bins[0] == bins[1]


def test_amplitude_falls_with_the_square_of_the_distance() -> None:
    near, far = (
        np.abs(observe(approaching(d, 0.0), HERE, SILENT, generator(0))).max() for d in (0.1, 0.2)
    )
    assert near / far == pytest.approx(4.0, rel=1e-3)


def test_gestures_differ_and_are_finite() -> None:
    person = draw_person(generator(1))
    phase = np.linspace(0.0, 2.0, 200)
    seen = []
    for trajectory, rate in TRAJECTORIES.values():
        motion = trajectory(phase, person)
        parts = (motion.shift, motion.roll, motion.fingers, motion.seen)
        assert rate > 0 and all(np.isfinite(p).all() for p in parts)
        seen.append(b"".join(p.tobytes() for p in parts))
    assert len(set(seen)) == len(seen)


def test_an_existing_tree_is_not_written_over(tree: Path) -> None:
    with pytest.raises(DatasetError, match="exists already"):
        simulate(tree, Population(1))


def test_the_simulator_is_frozen() -> None:
    """Its parameters were fixed before any transformer was trained (docs/tinyradar.md).

    Whoever changes them makes another data set: all shipped weights and figures with it.
    """
    folder = Path(tinyradar.simulate.__file__).parent
    names = ("gestures.py", "people.py", "radar.py", "scene.py")
    found = hashlib.sha256(b"".join((folder / n).read_bytes() for n in names)).hexdigest()
    assert found == FROZEN
    assert Population(people=26, sessions=2, instances=1, sets=1, seed=26) == fixed.POPULATION
