"""The simulator: writes recordings of a simulated radar as the real set's own files."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tinyradar.dataset.recording import Sweeps, write_recording
from tinyradar.dataset.tree import G11, MARK
from tinyradar.errors import DatasetError
from tinyradar.simulate.people import draw_person, draw_session, generator
from tinyradar.simulate.radar import RATE_HZ
from tinyradar.simulate.scene import record

__all__ = ["MARK", "Population", "jobs", "simulate", "simulate_one", "write_job"]


@dataclass(frozen=True)
class Population:
    """How much is recorded: ``people`` persons, each gesture ``instances`` times a session.

    As in the real set the last person is p0, whose ``sets`` recording days are p0_1, p0_2, ...
    """

    people: int
    sessions: int = 5
    instances: int = 7
    sets: int = 1
    seed: int = 0

    def folders(self) -> list[tuple[str, int, int]]:
        """(folder, person's number, recording day) of each: p1, p2, ... and p0_1, p0_2, ..."""
        others = [(f"p{number}", number, 0) for number in range(1, self.people)]
        return [*others, *((f"p0_{day}", 0, day) for day in range(1, self.sets + 1))]

    @property
    def recordings(self) -> int:
        """How many recordings there will be."""
        return len(self.folders()) * len(G11.gestures) * self.sessions * self.instances


Job = tuple[Path, Population, str, int, int, int, int]
"""(data folder, population, folder's name, person, day, label, session)."""


def jobs(folder: Path, population: Population) -> Iterator[Job]:
    """One job a person, gesture and session."""
    data = folder / G11.name / "data"
    for name, person, day in population.folders():
        for label in range(len(G11.gestures)):
            for session in range(population.sessions):
                yield data, population, name, person, day, label, session


def simulate_one(
    seed: int, number: int, day: int, label: int, session: int, instance: int
) -> Sweeps:
    """One recording of person ``number``: complex64 [2 sensors, sweeps, 492]. Its samples depend
    on these numbers alone, whatever population it is of."""
    person = draw_person(generator(seed, 0, number))
    place = draw_session(generator(seed, 1, number, day, session))
    random = generator(seed, 2, number, day, label, session, instance)
    return record(G11.gestures[label], person, place, random)


def write_job(job: Job) -> int:
    """Simulate and write the recordings of one job; how many. Bytes depend on the job alone."""
    data, population, name, number, day, label, session = job
    for instance in range(population.instances):
        samples = simulate_one(population.seed, number, day, label, session, instance)
        base = data / name / G11.gestures[label] / f"sess_{session}" / str(instance)
        write_recording(base, samples, RATE_HZ)
    return population.instances


def simulate(
    folder: Path,
    population: Population,
    processes: int = 1,
    progress: Callable[[int, int], None] = lambda _done, _total: None,
) -> int:
    """Write the population's recordings below ``folder``; how many. Same seed, same bytes.

    Raises DatasetError where the folder holds recordings already or cannot be written.
    """
    if (folder / G11.name).exists():
        raise DatasetError(f"'{folder / G11.name}' exists already; choose another folder.")
    done, total = 0, population.recordings
    try:
        (folder / G11.name / "data").mkdir(parents=True)
        (folder / G11.name / "data" / MARK).write_text(f"{population}\n", "utf-8")
        work = jobs(folder, population)
        if processes == 1:
            for job in work:
                done += write_job(job)
                progress(done, total)
            return done
        # spawned, not forked: libraries with threads of their own do not survive a fork
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(processes, mp_context=context) as pool:
            for count in pool.map(write_job, work, chunksize=4):
                done += count
                progress(done, total)
    except OSError as error:
        raise DatasetError(f"'{folder}' cannot be written: {error.strerror}.") from None
    return done
