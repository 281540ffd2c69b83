"""The table of recorded hands, on simulated traces: trained, asked, kept, done again elsewhere."""

import dataclasses
import json
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.tinyradar.test_traces import RECORDED
from tinyradar import models, recorded
from tinyradar.dataset.traces import TraceSet, read_traces
from tinyradar.errors import RadarError
from tinyradar.farm import run_tasks
from tinyradar.recorded import Options, Recorded, reproduce_recorded
from tinyradar.recorded.protocol import PROTOCOLS, parts_of
from tinyradar.recorded.table import view
from tinyradar.recorded.tasks import Task, answer, shipped
from tinyradar.reproduce.persons import difference
from tinyradar.simulate.traces import simulate_traces, write_traces
from tinyradar.train.checkpoint import Arrays, load_network, read_arrays
from tinyradar.train.weights import SHIPPED

OPTIONS = Options(protocols=("five",), folds=(0, 1), seeds=(0,), targets=("host", "cortex-m4"))


def silent(_what: str) -> Callable[[int, int], None]:
    return lambda _done, _total: None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("hands")
    write_traces(simulate_traces(6, 2), place)
    return place


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks that train for two epochs only."""
    for name, model in models.TRACE_MODELS.items():
        recipe = dataclasses.replace(model.recipe, epochs=2, batch=16)
        monkeypatch.setitem(models.TRACE_MODELS, name, dataclasses.replace(model, recipe=recipe))


def table(folder: Path, place: Path, options: Options = OPTIONS) -> Recorded:
    return reproduce_recorded(folder, place, options, silent, lambda _text: None)


@pytest.mark.usefixtures("short")
def test_the_table(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = table(folder, tmp_path)
    assert made.bit_exact
    assert made.data["simulated"]
    assert {(s.who, s.arithmetic) for s in made.scores} == {
        ("nearest neighbour", ""),
        ("support vectors", ""),
        *((model, a) for model in models.TRACE_MODELS for a in ("float", "int8", "int8 trained")),
    }
    assert {s.protocol for s in made.scores} == {"five"}  # none of these is behind paper
    for one in made.scores:
        persons = one.by_person
        assert one.worst == min(persons.values())
        assert np.isclose(one.accuracy, np.mean(list(persons.values())))  # as many traces of each
        assert np.isclose(one.accuracy, one.macro)  # and of each gesture
    assert {p.on.target for p in made.programs} == {"host", "cortex-m4"}
    assert json.loads(made.to_json())["data"]["digest"] == made.data["digest"]
    assert len(list(view(made))) >= 4
    # done once: nothing is trained again
    monkeypatch.setattr(recorded, "answer", lambda *_: pytest.fail("trained again"))
    assert table(folder, tmp_path).scores == made.scores


@pytest.mark.usefixtures("short")
def test_of_another_recipe_nothing_is_taken(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = dataclasses.replace(OPTIONS, folds=(0,), targets=())
    table(folder, tmp_path, options)
    name = "transformer-traces"
    model = models.TRACE_MODELS[name]
    recipe = dataclasses.replace(model.recipe, rate=1e-4)
    monkeypatch.setitem(models.TRACE_MODELS, name, dataclasses.replace(model, recipe=recipe))
    done: list[str] = []

    def counted(task: Task, data: TraceSet) -> Arrays:
        done.append(task.model)
        return answer(task, data)

    monkeypatch.setattr(recorded, "answer", counted)
    table(folder, tmp_path, options)
    assert done == [name]


def test_difference_is_by_person() -> None:
    points, error = difference({"a": 1.0, "b": 0.8, "c": 0.6}, {"a": 0.9, "b": 0.8, "c": 0.5})
    assert np.isclose(points, 100 * 0.2 / 3)
    assert np.isclose(error, np.std([10.0, 0.0, 10.0], ddof=1) / np.sqrt(3))


def slow(task: Task, data: TraceSet) -> Arrays:
    """A task of a second, whose result is of its description alone."""
    time.sleep(1.0)
    return {"made": np.frombuffer(task.name.encode(), np.uint8) + np.uint8(data.x.sum() % 7)}


def tasks(data: TraceSet) -> list[Task]:
    protocol = PROTOCOLS["five"]
    return [
        Task(model, protocol, part, seed)
        for seed in (0, 1)
        for part in parts_of(data, protocol, (0, 1))
        for model in models.TRACE_MODELS
    ]


def test_two_workers_killed_lose_nothing(tmp_path: Path) -> None:
    from distributed import Client, LocalCluster  # noqa: PLC0415  an extra, slow to import

    data = simulate_traces(6, 1)
    todo = tasks(data)
    here = run(todo, data, tmp_path / "here", None)
    with (
        LocalCluster(  # type: ignore[no-untyped-call]
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster,
        Client(cluster) as client,  # type: ignore[no-untyped-call]
    ):
        killed: list[int] = []

        def kill() -> None:
            for _ in range(40):
                if len(killed) == 2:
                    return
                time.sleep(1.5)
                try:
                    pids = client.run(pid_of, on_error="ignore").values()
                except OSError:  # the one that was killed is not yet replaced
                    continue
                for pid in [pid for pid in pids if pid not in killed][:1]:
                    killed.append(pid)
                    end(pid)

        killer = threading.Thread(target=kill)
        killer.start()
        far = run(todo, data, tmp_path / "far", cluster.scheduler_address)
        killer.join()
    assert len(killed) == 2
    assert [sorted(a) for a in far] == [sorted(a) for a in here]
    assert all((a["made"] == b["made"]).all() for a, b in zip(far, here, strict=True))
    # what was done is there, and taken
    start = time.monotonic()
    run(todo, data, tmp_path / "far", None)
    assert time.monotonic() - start < len(todo)


def pid_of() -> int:
    import os  # noqa: PLC0415  it is sent to a worker

    return os.getpid()


def end(pid: int) -> None:
    import os  # noqa: PLC0415
    import signal  # noqa: PLC0415

    os.kill(pid, signal.SIGKILL)


def run(todo: list[Task], data: TraceSet, place: Path, dask: str | None) -> list[Arrays]:
    return run_tasks(
        slow,
        todo,
        data,
        place,
        processes=2,
        dask=dask,
        progress=lambda _done, _total: None,
        say=lambda _text: None,
    )


def test_no_scheduler_is_a_sentence(tmp_path: Path) -> None:
    data = simulate_traces(6, 1)
    with pytest.raises(RadarError, match="no Dask scheduler at 'nowhere'"):
        run(tasks(data), data, tmp_path, "nowhere")


@pytest.mark.parametrize("path", sorted((SHIPPED / "recorded").glob("*.npz")), ids=lambda p: p.stem)
def test_shipped_weights_are_of_their_networks(path: Path) -> None:
    arrays, meta = read_arrays(path)
    assert meta["task"] == path.stem
    protocol = PROTOCOLS["ten" if "-ten-" in path.stem else "five"]
    model = models.TRACE_MODELS["transformer-traces"]
    assert path.stem.startswith(model.name) and path.stat().st_size < 60_000
    network = model.build(len(protocol.gestures), 0)
    found = {f"model/{n.removeprefix('network/')}": a for n, a in arrays.items()}
    load_network(network, found, str(path))
    assert {a.dtype.name for a in arrays.values()} == {"float16"}
    assert (meta["network"], meta["recipe"]) == (repr(network), repr(model.recipe))


def test_each_fold_of_both_protocols_ships() -> None:
    names = {p.stem for p in (SHIPPED / "recorded").glob("*.npz")}
    assert names == {
        f"transformer-traces-{name}-fold{fold}-seed0" for name in PROTOCOLS for fold in range(5)
    }


def test_shipped_weights_are_taken_for_the_recorded_set() -> None:
    """Where the set lies beside the checkout: its descriptions are those of the weights."""
    if not RECORDED.is_file():
        return  # the weights are then never taken, as the next line says of another set
    with tempfile.TemporaryDirectory() as name:
        with tarfile.open(RECORDED) as archive:
            archive.extractall(name, filter="data")
        data = read_traces(Path(name))
    for protocol in PROTOCOLS.values():
        for part in parts_of(data, protocol, tuple(range(5))):
            task = Task("transformer-traces", protocol, part, 0)
            assert read_arrays(shipped(task.name))[1] == task.description(data)


def test_shipped_weights_are_not_taken_for_another_set() -> None:
    data = simulate_traces(6, 1)
    (first,) = parts_of(data, PROTOCOLS["five"], (0,))
    task = Task("transformer-traces", PROTOCOLS["five"], first, 0)
    assert read_arrays(shipped(task.name))[1] != task.description(data)
