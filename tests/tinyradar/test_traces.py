"""Traces of recorded hands: names, files, persons, what networks read; the simulator of the form.

The recorded set is read where it lies beside the checkout (never committed); elsewhere the same
tests read files of the same form that the simulator writes.
"""

import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import microformer
from tinyradar.dataset.traces import (
    FIVE,
    FRAMES,
    GESTURES,
    OPEN,
    PAPER,
    SCENES,
    TEN,
    VALUES,
    find_traces,
    holds_traces,
    parse,
    read_traces,
)
from tinyradar.dataset.tree import MARK
from tinyradar.errors import DatasetError, RadarError, RecordingError
from tinyradar.models import TRACE_MODELS, Model
from tinyradar.models.reading import CODE, TraceReader, codes
from tinyradar.recorded.protocol import PROTOCOLS, Protocol, chosen, parts_of
from tinyradar.simulate.traces import simulate_traces, write_traces

RECORDED = Path(__file__).parents[3] / "shared" / "data" / "mgesture_short_point.tar.xz"
FRAME = "11 3 -2 8 0 0 0 3 -2 8 -6 0 0"
TEXT = " ".join([FRAME] * FRAMES) + " END"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recorded set, or a simulated one."""
    place = tmp_path_factory.mktemp("traces")
    if RECORDED.is_file():
        with tarfile.open(RECORDED) as archive:
            archive.extractall(place, filter="data")
    else:
        write_traces(simulate_traces(8, 2), place)
    return place


def put(folder: Path, name: str, text: str = TEXT) -> Path:
    """A file ``name`` (folders and all) below ``folder``."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def test_the_set_is_read_whole(folder: Path) -> None:
    data = read_traces(folder)
    assert data.x.shape[1:] == (FRAMES, VALUES)
    assert not data.skipped
    assert data.simulated == (folder / MARK).is_file()
    if not data.simulated:  # the published numbers of the part that lies there
        assert len(data.x) == 15_879
        assert [sum(s == scene for s in data.scenes) for scene in SCENES] == [10_724, 4_555, 600]
        assert len(data.only(FIVE, [OPEN]).x) == 5_014


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=lambda p: p.name)
def test_no_person_is_on_both_sides(folder: Path, protocol: Protocol) -> None:
    data = read_traces(folder)
    mine = chosen(data, protocol)
    parts = parts_of(data, protocol, tuple(range(5)))
    for part in parts:
        trained = {mine.persons[i] for i in part.train}
        assert trained.isdisjoint(mine.persons[i] for i in (*part.open, *part.paper))
        assert {mine.scenes[i] for i in (*part.train, *part.open)} == {OPEN}
    asked = np.concatenate([np.concatenate([part.open, part.paper]) for part in parts])
    assert sorted(asked.tolist()) == list(range(len(mine.x)))  # each trace is asked for once


@pytest.mark.parametrize(
    ("name", "person", "gesture", "scene"),
    [
        ("090/short_point_090_knock_004.txt", "090", "knock", "open"),
        ("012/short_point_012_clock000.txt", "012", "clock", "open"),
        ("012/short_point_012_countclock_000.txt", "012", "counterclock", "open"),
        ("012/short_point_012_lswift_000.txt", "012", "lswipe", "open"),
        ("012/short_point_012_rswift000.txt", "012", "rswipe", "open"),
        ("013/short_point_013_hitfinger_011.txt", "013", "hit_finger", "open"),
        ("013/short_point_013_hit_fingure_011.txt", "013", "hit_finger", "open"),
        ("013/short_point_013_fingure_rub_011.txt", "013", "finger_rub", "open"),
        ("088/short_corrpoint_088_lswipe_049.txt", "088", "lswipe", "corrugated"),
        ("097/short_paperpoint_097_pinch_pinky_049.txt", "097", "pinch_pinky", "paper"),
        ("gesture_ABC/gesture_ABC_hand_short_center_knock_000.txt", "ABC", "knock", "open"),
        (
            "gesture_ABC_new/gesture_ABC_hand_short_center_anticlock_014.txt",
            "ABC",
            "counterclock",
            "open",
        ),
    ],
)
def test_names(tmp_path: Path, name: str, person: str, gesture: str, scene: str) -> None:
    put(tmp_path, name)
    data = read_traces(tmp_path)
    assert (data.persons, data.scenes) == ((person,), (scene,))
    assert data.gestures[data.y[0]] == gesture
    assert data.x[0, 0].tolist() == [3, -2, 8, 0, 0, 0, 3, -2, 8, -6]


def test_what_is_no_trace_is_skipped_and_said(tmp_path: Path) -> None:
    put(tmp_path, "1/short_point_001_knock_000.txt")
    for name, text, why in [
        ("1/short_point_001_wave_000.txt", TEXT, "there is no gesture 'wave'"),
        ("1/short_metalpoint_001_knock_000.txt", TEXT, "'metalpoint' is none of"),
        ("1/notes.txt", TEXT, "the name is of no trace"),
        ("1/short_point_001_knock_001.txt", TEXT[:-4], "does not end in END"),
        ("1/short_point_001_knock_002.txt", FRAME + " END", "has 1 frames"),
        ("1/short_point_001_knock_003.txt", TEXT.replace("-2", "-2.5"), "no integer"),
        ("1/short_point_001_knock_004.txt", "7 " + TEXT, "no whole number of frames"),
        ("1/short_point_001_knock_005.txt", TEXT.replace("11 3", "12 3"), "ten values"),
        ("1/short_point_001_knock_006.txt", TEXT.replace(" 3 ", " 99999 "), "ten values"),
        ("1/short_point_001_knock_007.txt", TEXT.replace(" 3 ", " 9" * 99 + " "), "whole number"),
        ("1/short_point_001_knock_008.txt", "0 " * 99_999 + "END", "too large"),
        ("1/short_point_001_knock_009.txt", "", "does not end in END"),
    ]:
        path = put(tmp_path, name, text)
        data = read_traces(tmp_path)
        assert len(data.x) == 1
        assert any(why in reason and path.name in reason for reason in data.skipped), data.skipped
        path.unlink()


def test_a_folder_without_traces(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="holds no trace"):
        read_traces(tmp_path)
    with pytest.raises(DatasetError, match="is not a folder"):
        read_traces(tmp_path / "nothing")
    put(tmp_path, "notes.txt")
    with pytest.raises(DatasetError, match=r"first of 1 reasons.*notes\.txt"):
        read_traces(tmp_path)
    assert not holds_traces(tmp_path)
    assert [type(found) for found in find_traces(tmp_path)] == [str]


def test_of_a_longer_trace_the_busiest_frames_are_read() -> None:
    quiet, busy = "11 0 0 0 0 0 0 0 0 0 4 0 0", "11 9 1 7 9 1 7 0 0 0 4 0 0"
    text = " ".join([quiet] * 20 + [busy] * FRAMES + [quiet] * 12) + " END"
    assert (parse(text.encode(), "long")[:, 0] == 9).all()


@given(st.binary(max_size=400))
def test_any_bytes_are_a_trace_or_a_sentence(text: bytes) -> None:
    try:
        assert parse(text, "it").shape == (FRAMES, VALUES)
    except RecordingError as error:
        assert "'it'" in str(error)


def test_numbers_that_share_a_folder_are_one_person(tmp_path: Path) -> None:
    put(tmp_path, "028/short_point_028_knock_000.txt")
    put(tmp_path, "028/short_point_029_knock_000.txt")
    put(tmp_path, "030/short_point_030_knock_000.txt")
    put(tmp_path, "031/short_point_029_clock_000.txt")
    data = read_traces(tmp_path)
    assert len(set(data.persons)) == 2
    of = dict(zip(data.y.tolist(), data.persons, strict=True))
    assert of[GESTURES.index("clock")] == data.persons[0]


def test_the_simulator_writes_what_the_loader_reads(tmp_path: Path) -> None:
    made = simulate_traces(3, 2, seed=4)
    write_traces(made, tmp_path)
    data = read_traces(tmp_path).only(FIVE)
    assert data.simulated
    key = {(p, label): x for p, label, x in zip(made.persons, made.y, made.x, strict=True)}
    assert len(data.x) == len(made.x) == 30
    for person, label, x in zip(data.persons, data.y, data.x, strict=True):
        ours = made.x[
            [(p, y) == (person, label) for p, y in zip(made.persons, made.y, strict=True)]
        ]
        assert any((x == one).all() for one in ours)
    assert len(key) == 15
    again = simulate_traces(3, 2, seed=4)
    assert again.digest == made.digest != simulate_traces(3, 2, seed=5).digest


def test_codes_are_exact_in_eight_bits() -> None:
    points = np.arange(0, 600)
    x = np.zeros((len(points), VALUES), np.int16)
    x[:, 0] = points
    found = codes(x)[:, 0].astype(int)
    assert (np.diff(found) >= 0).all()
    assert found[0] == -64
    assert len(set(found[:5])) == 5  # one point more is seen where there are few
    data = simulate_traces(2, 1)
    inputs = TraceReader().inputs(data.x)
    assert (inputs * CODE == codes(data.x)).all()


def test_variations_are_of_the_seed_and_stay_traces() -> None:
    x = simulate_traces(4, 2).x
    reader = TraceReader()
    one, two, other = (
        reader.varied(x, np.random.Generator(np.random.PCG64(seed))) for seed in (1, 1, 2)
    )
    assert (one == two).all()
    assert (one != other).any()
    assert (one[..., [0, 3, 6]] >= 0).all()
    assert (one[..., [2, 5, 8]] >= 0).all()
    assert (one[..., 2][one[..., 0] == 0] <= 12).all()


@pytest.mark.parametrize("model", TRACE_MODELS.values(), ids=lambda m: m.name)
@pytest.mark.parametrize("target", ["host", "cortex-m4"])
def test_networks_run_bit_exact(model: Model, target: str) -> None:
    torch.manual_seed(0)
    data = simulate_traces(4, 2)
    x = model.reader.inputs(data.x)
    compiled = microformer.compile(model.build(5, 0).eval(), x, target)
    report = microformer.run(compiled, x[:2])
    assert report.bit_exact


def test_too_few_persons_is_a_sentence() -> None:
    data = simulate_traces(3, 1)
    with pytest.raises(RadarError, match="5 folds need"):
        parts_of(data, PROTOCOLS["five"], (0,))


def test_gestures_are_numbered_as_asked(folder: Path) -> None:
    data = read_traces(folder)
    few = data.only(("clock", "knock"), [OPEN])
    assert set(few.y.tolist()) <= {0, 1}
    whole = data.only(TEN)
    assert len(whole.x) == sum(GESTURES[y] in TEN for y in data.y)
    assert PAPER not in few.scenes
