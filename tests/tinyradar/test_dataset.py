"""The loaders: features as published, splits by person, and every kind of broken file."""

import dataclasses
import json
import shutil
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from tinyradar.dataset.cache import Dataset, build_cache, open_cache
from tinyradar.dataset.features import range_doppler, sequences, starts
from tinyradar.dataset.folds import person_folds, recording_folds
from tinyradar.dataset.items import Item, tree_items
from tinyradar.dataset.nearest import nearest_neighbour
from tinyradar.dataset.picture import draw
from tinyradar.dataset.recording import read_recording, write_recording
from tinyradar.dataset.soli import read_soli, soli_items
from tinyradar.dataset.tree import G5, find_tree, walk
from tinyradar.errors import DatasetError, RecordingError


def noise(*shape: int) -> NDArray[np.complex64]:
    random = np.random.Generator(np.random.PCG64(len(shape)))
    return (random.normal(size=shape) + 1j * random.normal(size=shape)).astype(np.complex64)


def test_a_map_is_the_shifted_transform_by_its_definition() -> None:
    window = noise(32, 3)
    bins = np.arange(32)
    kernel = np.exp(-2j * np.pi * np.outer(bins - 16, bins) / 32)
    assert np.allclose(range_doppler(window), np.abs(kernel @ window), atol=1e-4)


def test_three_seconds_of_a_recording() -> None:
    assert starts(420, 160) == [0, 86, 173]
    found = list(sequences(noise(2, 420, 7), 160))
    assert [f.shape for f in found] == [(5, 32, 7, 2)] * 3
    expected = range_doppler(noise(2, 420, 7)[1, 86 + 64 : 86 + 96])
    assert np.array_equal(found[1][2, :, :, 1], expected)


def test_a_short_recording_is_filled_with_zeros() -> None:
    found = list(sequences(noise(2, 70, 7), 160))
    assert len(found) == 3 and np.array_equal(found[0], found[2])
    assert found[0][1].any() and not found[0][3].any()


def test_256_sweeps_a_second_are_eight_windows() -> None:
    assert next(sequences(noise(1, 600, 7), 256)).shape == (8, 32, 7, 1)


def test_a_recording_survives_the_disk(tmp_path: Path) -> None:
    samples = noise(2, 40, 9)
    write_recording(tmp_path / "0", samples, 160)
    info, read = read_recording(tmp_path / "0", 2)
    assert (info.sweeps, info.rate_hz, info.points) == (40, 160, (9, 9))
    assert np.array_equal(read, samples)


def _line(base: Path, index: int, text: str) -> None:
    path = base.with_name("0_info.txt")
    lines = path.read_text().splitlines()
    lines[index] = text
    path.write_text("\n".join(lines))


def _truncate(base: Path) -> None:
    path = base.with_name("0_s1.dat")
    path.write_bytes(path.read_bytes()[:-8])


def _infinite(base: Path) -> None:
    path = base.with_name("0_s0.dat")
    path.write_bytes(np.full(40 * 9, np.inf, "<c8").tobytes())


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda b: _line(b, 1, "39"), "bytes where"),
        (lambda b: _line(b, 1, "31"), "short: 31 sweeps"),
        (lambda b: _line(b, 1, "forty"), "line 2, is not a whole number"),
        (lambda b: _line(b, 1, "-4"), "not in 1"),
        (lambda b: _line(b, 1, "99999999999999"), "not in 1"),
        (lambda b: _line(b, 2, "0"), "line 3: 0"),
        (lambda b: _line(b, 15, "8"), "unequal range points"),
        (lambda b: b.with_name("0_info.txt").write_text("1\n40\n"), "ends before line 3"),
        (lambda b: b.with_name("0_info.txt").write_bytes(b"\xff\xfe\x00"), "as text"),
        (lambda b: b.with_name("0_info.txt").write_text(" " * 70000), "too large"),
        (lambda b: b.with_name("0_info.txt").unlink(), "is missing"),
        (lambda b: b.with_name("0_s1.dat").unlink(), "is missing"),
        (_truncate, "bytes where"),
        (_infinite, "not finite"),
    ],
)
def test_a_broken_recording_is_named(tmp_path: Path, damage: object, message: str) -> None:
    write_recording(tmp_path / "0", noise(2, 40, 9), 160)
    assert callable(damage)
    damage(tmp_path / "0")
    with pytest.raises(RecordingError, match=message):
        read_recording(tmp_path / "0", 2)


def test_broken_recordings_are_skipped_and_reported(tree: Path, tmp_path: Path) -> None:
    shutil.copytree(tree, tmp_path / "set")
    gesture = tmp_path / "set/11G/data/p1"
    _truncate(gesture / "Push/sess_0/0")
    _line(gesture / "Pull/sess_0/0", 2, "256")
    made = build_cache(
        lambda: tree_items(tmp_path / "set"),
        tmp_path / "c",
        tuple("abcdefghijkl"),
        simulated=True,
        total=36,
    )
    assert len(made.x) == 3 * 34 and len(made.skipped) == 2
    assert any("p1/Push" in s and "bytes" in s for s in made.skipped)
    assert any("256 sweeps a second" in s for s in made.skipped)


def test_the_5g_tree(tmp_path: Path) -> None:
    for gesture in G5.gestures:
        write_recording(tmp_path / "5G/data/p2" / gesture / "sess_0/0", noise(1, 300, 9), 256)
    write_recording(tmp_path / "5G/data/p2/Unknown/sess_0/0", noise(1, 300, 9), 256)
    made = build_cache(lambda: tree_items(tmp_path), tmp_path / "c", G5.gestures, simulated=False)
    assert made.x.shape == (15, 8, 32, 9, 1) and set(made.y) == set(range(5))


def test_p0_is_one_person_and_random_gestures_are_left_out(tmp_path: Path) -> None:
    for person in ("p0_1", "p0_12", "p3", "pX"):
        for gesture in ("Push", "RandomGesture"):
            write_recording(
                tmp_path / "11G/data" / person / gesture / "sess_0/0", noise(2, 40, 9), 160
            )
    found = list(walk(tmp_path / "11G"))
    assert [(s.person, s.gesture) for s in found] == [
        ("p0", "Push"),
        ("p0", "Push"),
        ("p3", "Push"),
    ]
    assert found[0].session == "p0_1/sess_0"


def test_a_folder_that_is_no_set(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="neither 11G/data nor 5G/data"):
        find_tree(tmp_path)
    for kind in ("5G", "11G"):
        (tmp_path / kind / "data").mkdir(parents=True)
    with pytest.raises(DatasetError, match="both sets"):
        find_tree(tmp_path)
    assert find_tree(tmp_path / "5G")[1] is G5
    with pytest.raises(DatasetError, match="No recording"):
        build_cache(
            lambda: tree_items(tmp_path / "5G"), tmp_path / "c", G5.gestures, simulated=False
        )
    assert not (tmp_path / "c").exists()


def test_a_cached_value_is_a_rounded_magnitude(tree: Path, data: Dataset) -> None:
    item = next(tree_items(tree))
    expected = np.minimum(np.rint(item.sequences[1] / data.step), 255)
    assert np.array_equal(data.x[1], expected.astype(np.uint8))
    assert data.simulated and data.recordings[1] == item.name
    assert 0.0001 < (data.x == 255).mean() < 0.002


def test_sequences_of_another_shape_are_skipped(tmp_path: Path) -> None:
    maps = np.ones((5, 32, 9, 2), np.float32)
    items = [Item("a", "p1", 0, (maps,)), Item("b", "p1", 0, (maps[:, :, :8],))]
    made = build_cache(lambda: iter(items), tmp_path / "c", ("x",), simulated=False)
    assert len(made.x) == 1 and "'b' gives sequences of shape" in made.skipped[0]


def _index(folder: Path, **changes: object) -> None:
    path = folder / "index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: _index(f, version=9), "another version"),
        (lambda f: _index(f, shape=[1, 1, 1, 1, 10**9]), "contradicts itself"),
        (lambda f: _index(f, shape=[]), "contradicts itself"),
        (lambda f: _index(f, shape="x"), "damaged"),
        (lambda f: _index(f, labels=[77]), "no gesture"),
        (lambda f: _index(f, labels=[-1]), "no gesture"),
        (lambda f: _index(f, persons=[3]), "contradicts itself"),
        (lambda f: (f / "index.json").write_text("[]"), "another version"),
        (lambda f: (f / "index.json").write_text("{"), "not a cache"),
        (lambda f: (f / "features.u8").unlink(), "not a cache"),
        (lambda f: (f / "features.u8").write_bytes(b"1"), "contradicts itself"),
    ],
)
def test_a_damaged_cache_is_refused(tmp_path: Path, damage: object, message: str) -> None:
    maps = np.ones((5, 32, 9, 2), np.float32)
    items = [Item("a", "p1", 0, (maps,))]
    build_cache(lambda: iter(items), tmp_path / "c", ("x",), simulated=False)
    assert callable(damage)
    damage(tmp_path / "c")
    with pytest.raises(DatasetError, match=message):
        open_cache(tmp_path / "c")


def test_no_fold_parts_a_person_or_a_recording(data: Dataset) -> None:
    for keys, folds in (
        (data.persons, person_folds(data.persons, 0)),
        (data.recordings, recording_folds(data.recordings, 5)),
    ):
        tested = np.concatenate([test for _, test in folds])
        assert sorted(tested) == list(range(len(data.y)))
        for train, test in folds:
            assert not {keys[i] for i in train} & {keys[i] for i in test}
    assert len(person_folds(data.persons, 0)) == 3
    with pytest.raises(DatasetError, match="3 persons"):
        person_folds(data.persons, 4)


def test_the_nearest_neighbour_of_a_sequence_is_itself(data: Dataset) -> None:
    everything = np.arange(len(data.y))
    found = nearest_neighbour(data, everything, everything[:20])
    assert np.array_equal(found, data.y[:20])


def test_a_picture_is_drawn(data: Dataset, tmp_path: Path) -> None:
    draw(data, [0, 40], tmp_path / "maps.png")
    assert (tmp_path / "maps.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(DatasetError, match="cannot be written"):
        draw(data, [0], tmp_path / "no/maps.png")


def soli_file(path: Path, frames: int = 50, changes: dict[str, NDArray[Any]] | None = None) -> None:
    random = np.random.Generator(np.random.PCG64(frames))
    with h5py.File(path, "w") as file:
        for name in ("ch0", "ch1", "ch2", "ch3"):
            value = (changes or {}).get(name, random.random((frames, 1024), np.float32))
            file.create_dataset(name, data=value)
        file.create_dataset("label", data=np.zeros((frames, 1)))


def test_soli(tmp_path: Path) -> None:
    for name, frames in (("0_2_0", 50), ("1_2_0", 30), ("2_3_0", 45), ("3_1_0", 45)):
        soli_file(tmp_path / f"{name}.h5", frames)
    (tmp_path / "4_5_0.h5").write_bytes(b"no")
    found = list(soli_items(tmp_path))
    assert [(i.person, i.label) for i in found] == [("p2", 0), ("p2", 1), ("p3", 2), ("p5", 4)]
    assert "not an HDF5 file" in found[3].skipped
    maps = read_soli(tmp_path / "0_2_0.h5")
    with h5py.File(tmp_path / "0_2_0.h5") as file:
        assert np.array_equal(maps[7, :, :, 2], file["ch2"][7].reshape(32, 32))
    assert np.array_equal(found[0].sequences[2], maps[6:46])
    assert not found[1].sequences[0][30:].any()
    made = build_cache(
        lambda: soli_items(tmp_path), tmp_path / "c", tuple("abcdefghijkl"), simulated=False
    )
    assert made.x.shape == (9, 40, 32, 32, 4) and len(made.skipped) == 1
    with pytest.raises(DatasetError, match="no file"):
        list(soli_items(tmp_path / "c"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ch1": np.zeros((50, 1000), np.float32)}, "'ch1' is float32"),
        ({"ch2": np.zeros((50, 1024), np.int32)}, "'ch2' is int32"),
        ({"ch3": np.zeros((49, 1024), np.float32)}, "unequal length"),
        ({"ch0": np.full((50, 1024), np.nan, np.float32)}, "not finite"),
    ],
)
def test_a_broken_soli_file_is_named(
    tmp_path: Path, changes: dict[str, NDArray[Any]], message: str
) -> None:
    soli_file(tmp_path / "0_2_0.h5", 50, changes)
    with pytest.raises(RecordingError, match=message):
        read_soli(tmp_path / "0_2_0.h5")


def test_a_soli_file_without_a_receiver(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "0_2_0.h5", "w") as file:
        file.create_dataset("ch0", data=np.zeros((3, 1024), np.float32))
    with pytest.raises(RecordingError, match="no data set 'ch1'"):
        read_soli(tmp_path / "0_2_0.h5")


def test_a_set_is_known_by_its_recordings_and_step(data: Dataset) -> None:
    bits = dataclasses.replace(data, x=np.minimum(data.x, 254))
    assert bits.digest == data.digest
    assert dataclasses.replace(data, step=data.step * 1.01).digest != data.digest
    assert dataclasses.replace(data, recordings=data.recordings[::-1]).digest != data.digest
