"""Training: killed and resumed without a trace, deterministic, and wary of what it reads."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import microformer
from tinyradar.dataset.cache import Dataset
from tinyradar.dataset.folds import person_folds
from tinyradar.errors import TrainingError
from tinyradar.models import Model, find
from tinyradar.train import expected_seconds, train
from tinyradar.train.checkpoint import load_network, network_arrays, read_arrays, write_arrays
from tinyradar.train.integers import find_integers, prepared, train_integers, write_integers
from tinyradar.train.weights import SHIPPED, find_weights, write_weights


def short(name: str, epochs: int = 3) -> Model:
    model = find(name)
    return dataclasses.replace(
        model, recipe=dataclasses.replace(model.recipe, epochs=epochs, batch=16)
    )


@pytest.mark.parametrize("name", ["tinyradarnn", "transformer-small"])
def test_a_run_that_was_stopped_ends_with_the_same_bytes(
    name: str, data: Dataset, tmp_path: Path
) -> None:
    model, fold = short(name, 2), person_folds(data.persons, 3)[0]
    fold = (fold[0][::3], fold[1][::6])
    whole = train(model, data, fold, tmp_path / "whole")
    train(model, data, fold, tmp_path / "parts", stop_after=1)
    parts = train(model, data, fold, tmp_path / "parts")
    for (key, a), b in zip(
        whole.network.state_dict().items(), parts.network.state_dict().values(), strict=True
    ):
        assert torch.equal(a, b), key
    assert whole.accuracy == parts.accuracy


def test_a_run_that_was_killed_goes_on(data: Dataset, tmp_path: Path) -> None:
    """SIGKILL in the middle of an epoch: the checkpoint of the last whole one is sound."""
    program = """
import sys, os, signal
from pathlib import Path
import test_training as t
from tinyradar.dataset.cache import open_cache
from tinyradar.dataset.folds import person_folds
data = open_cache(Path(sys.argv[1]))
fold = person_folds(data.persons, 3)[0]
def kill(epoch, epochs, loss):
    if epoch == 2:
        os.kill(os.getpid(), signal.SIGKILL)
t.train(t.short("transformer-small"), data, fold, Path(sys.argv[2]), progress=kill)
"""
    cache = Path(data.x.filename).parent  # type: ignore[attr-defined]
    paths = [str(Path(__file__).parent), *sys.path]
    done = subprocess.run(
        [sys.executable, "-c", program, str(cache), str(tmp_path / "killed")],
        # sums depend on the number of threads
        env={"PYTHONPATH": ":".join(paths), "OMP_NUM_THREADS": str(torch.get_num_threads())},
        check=False,
    )
    assert done.returncode == -9
    model, fold = short("transformer-small"), person_folds(data.persons, 3)[0]
    assert read_arrays(tmp_path / "killed/checkpoint.npz")[1]["epochs"] == 2
    resumed = train(model, data, fold, tmp_path / "killed").network.state_dict()
    whole = train(model, data, fold, tmp_path / "whole").network.state_dict()
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_it_learns_and_loss_falls(data: Dataset, tmp_path: Path) -> None:
    losses: list[float] = []
    everything = np.arange(len(data.y))
    made = train(
        short("transformer-small", 12),
        data,
        (everything, everything),
        tmp_path,
        progress=lambda _e, _n, loss: losses.append(loss),
    )
    assert losses[-1] < losses[0] and made.accuracy > 2 / 12


def test_a_checkpoint_of_another_run_is_refused(data: Dataset, tmp_path: Path) -> None:
    fold = person_folds(data.persons, 3)
    train(short("transformer-small", 1), data, fold[0], tmp_path)
    for model, other, seed in (
        (short("transformer-small", 2), fold[0], 0),
        (short("transformer-small", 1), fold[1], 0),
        (short("transformer-small", 1), fold[0], 1),
    ):
        with pytest.raises(TrainingError, match="another run"):
            train(model, data, other, tmp_path, seed=seed)


def test_weights_are_found_again(data: Dataset, tmp_path: Path) -> None:
    model, folds = short("transformer-small", 1), person_folds(data.persons, 3)
    made = train(model, data, folds[0], tmp_path / "c")
    path = tmp_path / "transformer-small-fold0.npz"
    write_weights(made, path, model, data, folds[0])
    found = find_weights(tmp_path, model, data, folds[0], "fold0")
    assert found is not None
    for key, value in found.state_dict().items():
        assert torch.equal(value, made.network.state_dict()[key].half().float())
    # a file of the right name whose network was trained on the persons that are to be tested
    assert find_weights(tmp_path, model, data, folds[1], "fold0") is None
    path.rename(tmp_path / "tinyradarnn-fold0.npz")
    with pytest.raises(TrainingError, match="weights of 'transformer-small'"):
        find_weights(tmp_path, find("tinyradarnn"), data, folds[0], "fold0")


def test_files_that_are_no_checkpoints(tmp_path: Path) -> None:
    path = tmp_path / "c.npz"
    np.savez(path, meta=np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(TrainingError, match="not a checkpoint"):
        read_arrays(path)
    path.write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(TrainingError, match="not a checkpoint"):
        read_arrays(path)
    with pytest.raises(TrainingError, match="not a checkpoint"):
        read_arrays(tmp_path / "missing.npz")
    np.savez(path, a=np.zeros(3))
    with pytest.raises(TrainingError, match="not a checkpoint"):
        read_arrays(path)


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    network = find("transformer-small").build(12, 2)
    arrays = network_arrays(network)
    write_arrays(tmp_path / "w.npz", arrays, {})
    read, _ = read_arrays(tmp_path / "w.npz")
    load_network(network, read, "w")
    with pytest.raises(TrainingError, match="another network"):
        load_network(find("transformer-small").build(11, 2), read, "w")
    read["model/head.bias"][:] = np.nan
    with pytest.raises(TrainingError, match="not finite"):
        load_network(network, read, "w")


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.npz")), ids=lambda p: p.stem)
def test_shipped_weights_are_of_their_networks(path: Path) -> None:
    arrays, meta = read_arrays(path)
    assert path.stem.startswith(f"{meta['model']}-fold") and meta["simulated"] is True
    assert meta["test"] == sorted(set(meta["test"])) and 5 <= len(meta["test"]) <= 6
    load_network(find(meta["model"]).build(12, 2), arrays, str(path))
    assert {a.dtype.name for a in arrays.values()} == {"float16"}


def test_what_ships_is_small() -> None:
    assert 0 < sum(p.stat().st_size for p in SHIPPED.glob("*.npz")) < 6_000_000


def test_a_given_network_is_trained_on(data: Dataset, tmp_path: Path) -> None:
    """The place where a network prepared for quantisation-aware training is put in."""
    model, fold = short("transformer-small", 1), person_folds(data.persons, 3)[0]
    first = train(model, data, fold, tmp_path / "a")
    before = {k: v.clone() for k, v in first.network.state_dict().items()}
    second = train(model, data, fold, tmp_path / "b", network=first.network)
    assert second.network is first.network
    assert any(not torch.equal(v, before[k]) for k, v in second.network.state_dict().items())
    with pytest.raises(TrainingError, match="another run"):
        train(model, data, fold, tmp_path / "b")


def test_training_in_integers(data: Dataset, tmp_path: Path) -> None:
    """Stopped and resumed with the same bytes; what is kept is the program that is compiled."""
    model, fold = short("transformer-frames", 1), person_folds(data.persons, 3)[0]
    part = (fold[0][::2], fold[1][::6])
    network = model.build(12, 2).eval()
    whole = train_integers(network, model, data, part, tmp_path / "whole")
    train_integers(network, model, data, part, tmp_path / "parts", stop_after=2)
    parts = train_integers(network, model, data, part, tmp_path / "parts")
    start = prepared(network, model, data, part).state_dict()
    assert any(not torch.equal(v, start[k]) for k, v in whole.network.state_dict().items())
    for key, value in whole.network.state_dict().items():
        assert torch.equal(value, parts.network.state_dict()[key]), key
    write_integers(whole, network, tmp_path / f"{model.name}-fold0-int8.npz", model)
    found = find_integers(tmp_path, network, model, data, part, "fold0")
    assert found is not None
    x = model.reader.inputs(data.x[part[1]])
    floats, ranges = found.convert()
    compiled = microformer.compile(floats, target="host", ranges=ranges)
    report = microformer.run(compiled, x, data.y[part[1]])
    right = found.integers(torch.from_numpy(x)).argmax(axis=1) == data.y[part[1]]
    assert report.bit_exact and report.accuracy_int8 == pytest.approx(right.mean())
    other = model.build(12, 2).eval()
    assert find_integers(tmp_path, other, model, data, part, "fold0") is None
    with pytest.raises(TrainingError, match="another run"):
        train_integers(other, model, data, part, tmp_path / "parts")


def test_an_epoch_reads_one_part(data: Dataset, tmp_path: Path) -> None:
    """Of three parts each epoch reads another third: labels outside of them do not matter."""
    model = short("transformer-small", 1)
    model = dataclasses.replace(model, recipe=dataclasses.replace(model.recipe, parts=3))
    everything = np.arange(len(data.y))
    found = []
    for place, outside in (("a", 1), ("b", 0)):
        y = data.y.copy()
        y[outside::3] = 0
        other = dataclasses.replace(data, y=y)
        made = train(model, other, (everything, everything[:8]), tmp_path / place)
        found.append(made.network.state_dict())
    true = train(model, data, (everything, everything[:8]), tmp_path / "c").network.state_dict()
    assert all(torch.equal(true[k], found[0][k]) for k in true)
    assert any(not torch.equal(true[k], found[1][k]) for k in true)


def test_expected_seconds_grow_with_epochs(data: Dataset) -> None:
    fold = person_folds(data.persons, 3)[0]
    few, many = (expected_seconds(short("transformer-small", n), data, fold) for n in (1, 10_000))
    assert 0 < few < many
