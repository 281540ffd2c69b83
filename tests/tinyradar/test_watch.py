"""``watch`` without a browser: what is played, what the program says of it, who is answered."""

import json
import re
import socket
import socketserver
import sys
import threading
import urllib.error
import urllib.request
import webbrowser
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

import microformer
import tinyradar.watch
from tinyradar.cli import main
from tinyradar.dataset.cache import Dataset, as_bytes
from tinyradar.dataset.features import maps_of
from tinyradar.dataset.folds import person_folds
from tinyradar.dataset.recording import write_recording
from tinyradar.dataset.traces import COLUMNS
from tinyradar.dataset.tree import G11
from tinyradar.errors import RadarError, RecordingError
from tinyradar.models import find
from tinyradar.reproduce.front import with_front_end
from tinyradar.reproduce.measure import Subject
from tinyradar.simulate import Population, simulate_one
from tinyradar.simulate.traces import simulate_traces, write_traces
from tinyradar.train.integers import calibration, calibration_indices
from tinyradar.watch import Options, kept, server, watch
from tinyradar.watch.basis import Basis, _with_features, _without_features
from tinyradar.watch.program import PREFERRED, Program, program
from tinyradar.watch.recordings import (
    Recording,
    labels_of,
    open_recordings,
    simulated_recordings,
)
from tinyradar.watch.show import Show, classify
from tinyradar.watch.traces import TraceShow, watch_traces

POPULATION = Population(3, sessions=1, instances=1, seed=5)
"""That of the fixtures ``tree`` and ``data``."""


def silent(_done: int, _total: int) -> None: ...


@pytest.fixture(scope="module")
def basis(data: Dataset) -> Basis:
    """An untrained network on the small set: nothing here depends on its being right."""
    torch.manual_seed(0)
    model = find("transformer-small")
    network = model.build(len(data.gestures), 2).eval()
    fold = person_folds(data.persons, 3)[0]
    return Basis(Subject(model, fold, network), 0, data, data.x[:1], ("p1", "p2"))


@pytest.fixture(scope="module")
def made(basis: Basis) -> Program:
    return program(basis, "cortex-m7")


def broken() -> np.ndarray:
    raise RecordingError("'3' is broken <b>on purpose</b>.")


@pytest.fixture(scope="module")
def show(basis: Basis, made: Program) -> Show:
    few = simulated_recordings(labels_of(["Push", "NoHand"]), basis.held_out, 0)
    return Show([*few, Recording("bad", None, True, broken)], basis, made, "About <them>.")


# what the program is made from


def test_the_ranges_are_taken_from_what_reproduce_takes_them_from(data: Dataset) -> None:
    model, (train, _) = find("transformer-small"), person_folds(data.persons, 3)[0]
    ours = model.reader.inputs(data.x[calibration_indices(train)])
    np.testing.assert_array_equal(ours, calibration(model, data, train))


def test_a_set_without_files_is_the_set_with_files(data: Dataset) -> None:
    empty = _without_features(POPULATION)
    assert empty.recordings == data.recordings and empty.persons == data.persons
    assert empty.y.tolist() == data.y.tolist() and empty.x.shape == data.x.shape
    chosen = np.array([0, 50, 107])
    filled = _with_features(empty, POPULATION, chosen, silent)
    assert filled.step == data.step and filled.digest == data.digest
    np.testing.assert_array_equal(filled.x[chosen], data.x[chosen])
    assert not filled.x[20].any() and data.x[20].any()


def test_weights_of_one_s_own_and_what_is_missing(data: Dataset, tmp_path: Path) -> None:
    options = Options(None, (), "transformer-small", 0, None, tmp_path, 0)
    with pytest.raises(RadarError, match="not a cache of features"):
        watch(options, lambda _what: silent)
    cache = Path(data.x.filename).parent  # type: ignore[attr-defined]
    (tmp_path / "features").symlink_to(cache)
    with pytest.raises(RadarError, match="5 folds need"):  # three persons
        watch(options, lambda _what: silent)


# recordings


def test_a_file_a_folder_a_tree(tree: Path) -> None:
    folder = tree / "11G/data/p1/Push/sess_0"
    (one,) = open_recordings(folder / "0_info.txt")
    (same,) = open_recordings(folder / "0_s0.dat")
    assert one.name == same.name == "p1/Push/sess_0/0" and one.simulated
    assert one.label is not None and G11.gestures[one.label] == "Push"
    np.testing.assert_array_equal(one.read(), same.read())
    np.testing.assert_array_equal(one.read(), simulate_one(5, 1, 0, one.label, 0, 0))
    found = open_recordings(tree)
    assert len(found) == 36 and found[0].name == "p0_1/Circle/sess_0/0"
    assert open_recordings(folder)[0].name == one.name


def test_recordings_of_which_the_path_says_nothing(tmp_path: Path) -> None:
    samples = simulate_one(1, 1, 0, 6, 0, 0)[:, :40]
    for name in ("2", "10"):
        write_recording(tmp_path / name, samples, 160)
    found = open_recordings(tmp_path)
    assert [r.name for r in found] == ["2", "10"]  # not as text, where 10 comes first
    assert all(r.label is None and not r.simulated for r in found)
    (tmp_path / "2_s1.dat").unlink()
    assert len(open_recordings(tmp_path)) == 2  # the other one can be played
    (tmp_path / "10_s1.dat").unlink()
    with pytest.raises(RecordingError, match=r"2_s1.dat' is missing; the networks read 2 sensors"):
        open_recordings(tmp_path)


@pytest.mark.parametrize(
    ("sensors", "sweeps", "points", "rate", "says"),
    [
        (1, 40, 492, 256, "s1.dat' is missing"),
        (2, 40, 492, 256, "256 sweeps a second, and the networks read 160"),
        (2, 40, 480, 160, "480 and 480 range points"),
        (2, 31, 492, 160, "is short: 31 sweeps"),
        (2, 9601, 1, 160, "1 and 1 range points"),
    ],
)
def test_recordings_that_do_not_fit(
    tmp_path: Path, sensors: int, sweeps: int, points: int, rate: int, says: str
) -> None:
    write_recording(tmp_path / "0", np.zeros((sensors, sweeps, points), np.complex64), rate)
    with pytest.raises(RecordingError, match=re.escape(says)):
        open_recordings(tmp_path / "0_info.txt")


def test_a_recording_of_hours(tmp_path: Path) -> None:
    lines = ["0"] * 16
    lines[1], lines[2], lines[14], lines[15] = "9760", "160", "492", "492"
    (tmp_path / "0_info.txt").write_text("\n".join(lines))
    for sensor in (0, 1):
        (tmp_path / f"0_s{sensor}.dat").touch()
    with pytest.raises(RecordingError, match="lasts 61 s; at most 60 s"):
        open_recordings(tmp_path / "0_s0.dat")


def test_what_is_no_recording(tmp_path: Path) -> None:
    for path, says in (
        (tmp_path / "nothing", "There is no file or folder"),
        (tmp_path, "holds no recording"),
        (tmp_path / "a.txt", "is no recording"),
        (tmp_path / "0_1_2.h5", "is not an HDF5 file"),
    ):
        if path.suffix:
            path.write_text("?")
        with pytest.raises(RecordingError, match=says):
            open_recordings(path)


def test_soli_does_not_fit_and_is_told_so(tmp_path: Path) -> None:
    path = tmp_path / "1_2_3.h5"
    with h5py.File(path, "w") as file:
        for channel in range(4):
            file[f"ch{channel}"] = np.zeros((50, 1024), np.float32)
    for given in (path, tmp_path):
        with pytest.raises(RecordingError, match=r"50 maps of 32 x 32 by 4 receivers.* 32 x 492"):
            open_recordings(given)


def test_simulated_recordings_are_of_a_person_held_out() -> None:
    def first(seed: int, *gestures: str) -> Recording:
        return simulated_recordings(labels_of(gestures), ("p3", "p0"), seed)[0]

    assert len(simulated_recordings(labels_of([]), ("p3",), 0)) == 12
    one, again, other = first(0, "Push"), first(0, "Push"), first(2, "Push")
    np.testing.assert_array_equal(one.read(), again.read())
    assert one.read().tobytes() != other.read().tobytes() and one.name.startswith("p3/Push")
    assert first(1, "Push").name.startswith("p0/")
    assert one.simulated and one.label == 6
    with pytest.raises(RadarError, match="no gesture 'Wave'; there are PinchIndex, "):
        labels_of(["Push", "Wave"])


# what the program says


class Recorder:
    """In the program's place: keeps what it is asked, scores the number of the window."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []

    def scores(self, maps: np.ndarray) -> np.ndarray:
        self.asked += maps[:, :, 0, 0, 0].tolist()
        return np.repeat(maps[:, -1, 0, 0, :1] / 100, 12, axis=1)


def windows(count: int) -> np.ndarray:
    return np.arange(1, count + 1, dtype=np.uint8).reshape(-1, 1, 1, 1) * np.ones(
        (1, 2, 2, 2), np.uint8
    )


def test_a_running_answer_each_frame_and_a_decision_each_second() -> None:
    asked = Recorder()
    scores, decisions = classify(windows(13), asked)  # type: ignore[arg-type]
    assert asked.asked == [list(range(i, i + 5)) for i in range(1, 10)]
    assert scores[:4] == (None,) * 4 and decisions == (4, 9)
    assert [s[0] for s in scores[4:] if s] == [round(i / 100, 4) for i in range(5, 14)]


def test_less_than_a_second_is_filled_up() -> None:
    asked = Recorder()
    scores, decisions = classify(windows(3), asked)  # type: ignore[arg-type]
    assert asked.asked == [[1, 2, 3, 0, 0]] and decisions == (2,)
    assert scores[:2] == (None, None) and scores[2] is not None


def test_a_play_is_what_the_integers_say(show: Show, made: Program, data: Dataset) -> None:
    play = show.play(0)
    samples = simulated_recordings([6], ("p1",), 0)[0].read()
    maps = as_bytes(maps_of(samples), data.step)
    np.testing.assert_array_equal(play.maps.transpose(0, 2, 3, 1), maps)
    assert play.maps.shape == (samples.shape[1] // 32, 2, 32, 492)
    outputs = microformer.predict(made.compiled, made.model.reader.inputs(maps[None, 3:8]))
    powers = np.exp(outputs.ravel())
    scores = play.scores[7]
    assert scores is not None
    np.testing.assert_allclose(scores, powers / powers.sum(), atol=6e-5)
    assert show.play(0) is play
    with pytest.raises(RecordingError):
        show.play(2)


def test_figures_are_of_the_run(show: Show, made: Program, basis: Basis) -> None:
    session = show.session()
    whole, _ = with_front_end(made.compiled, made.model, basis.data)
    report = microformer.run(whole, made.model.reader.inputs(basis.sample), count=1)
    figures = session["figures"]
    assert (figures["target"], figures["kind"]) == ("cortex-m7", "estimate")
    front = report.features
    assert front is not None and front.bit_exact
    assert figures["costs"] == {
        "network": [report.latency_ms, report.energy_mj],
        "maps": [front.sequence.latency_ms, front.sequence.energy_mj],
        "together": [front.total.latency_ms, front.total.energy_mj],
    }
    assert figures["bit_exact"] is True and report.samples_run == 1 and report.cycles
    assert session["velocity_step"] == pytest.approx(0.0125, rel=1e-3)
    assert session["window_s"] == 0.2 and session["notes"] == ["About <them>."]


def test_without_its_rtl_the_next_target_is_taken(
    basis: Basis, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = microformer.compile

    def refuse(*args: object) -> object:
        if args[2] == PREFERRED[0]:
            raise microformer.MicroformerError("There is no RTL.")
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(microformer, "compile", refuse)
    found = program(basis, None)
    assert (
        found.costs["target"] == PREFERRED[1]
        and found.note == "Not on pulp-ri5cy: There is no RTL."
    )
    with pytest.raises(microformer.MicroformerError, match="no RTL"):
        program(basis, PREFERRED[0])


def test_recordings_of_another_radar_have_a_scale_of_their_own(
    basis: Basis, made: Program, tmp_path: Path
) -> None:
    samples = 1000 * simulate_one(1, 1, 0, 6, 0, 0)
    write_recording(tmp_path / "0", samples, 160)
    show = Show(open_recordings(tmp_path), basis, made, "")
    assert len(show.session()["notes"]) == 1
    top = show.play(0).maps
    assert 0.0002 < (top == 255).mean() < 0.002  # the 99.95th percentile


# the server


@pytest.mark.parametrize("quiet", [False, True])
def test_the_command_opens_the_page_and_ends(
    show: Show,
    quiet: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def end(_self: object) -> None:
        raise KeyboardInterrupt

    opened: list[str] = []
    asked: list[Options] = []

    def made(options: Options, _new_bar: object) -> Show:
        asked.append(options)
        return show

    monkeypatch.setattr(tinyradar.watch, "watch", made)
    monkeypatch.setattr(webbrowser, "open", opened.append)
    monkeypatch.setattr(socketserver.BaseServer, "serve_forever", end)
    words = ["tinyradar", "watch", "a/0_s0.dat", "-t", "cortex-m7", *["--no-open"] * quiet]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr()
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and thread.daemon:
            thread.join(1.0)
    assert not ended.value.code and told.err == "watch: ended\n"
    assert asked[0].source == Path("a/0_s0.dat") and asked[0].target == "cortex-m7"
    address = told.out.split()[1]
    assert address.startswith("http://127.0.0.1:") and opened == [address] * (not quiet)


@pytest.fixture(scope="module")
def port(show: Show) -> Iterator[int]:
    with server.make(show, 0) as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        assert made.server_address[0] == "127.0.0.1"
        yield made.server_port
        made.shutdown()
        thread.join()


def ask(port: int, path: str, host: str | None = "", method: str = "GET") -> HTTPResponse:
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.putrequest(method, path, skip_host=True)
    if host is not None:
        connection.putheader("Host", host or f"127.0.0.1:{port}")
    connection.endheaders()
    return connection.getresponse()


def test_data(port: int, show: Show) -> None:
    session = json.loads(ask(port, "/session").read())
    assert session == json.loads(json.dumps(show.session()))
    assert [r["name"] for r in session["recordings"]] == [
        "p1/Push, seed 0",
        "p1/NoHand, seed 0",
        "bad",
    ]
    play = show.play(0)
    assert json.loads(ask(port, "/recordings/0").read()) == json.loads(json.dumps(play.as_json()))
    assert ask(port, "/recordings/0/maps").read() == play.maps.tobytes()
    for path in ("/recordings/2", "/recordings/2/maps"):
        answer = ask(port, path)
        assert answer.status == 422
        assert json.loads(answer.read()) == {"error": "'3' is broken <b>on purpose</b>."}


@pytest.mark.parametrize(
    "path",
    [
        *("/recordings/3", "/recordings/-1", "/recordings/x", "/page/none.js", "/x"),
        *("/page/../server.py", "/page/..%2fserver.py", "/page/%2e%2e/server.py"),
    ],
)
def test_nothing_else_is_there(port: int, path: str) -> None:
    answer = ask(port, path)
    assert answer.status in {403, 404} and b"bottle" not in answer.read()


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{}", "127.0.0.1", "127.0.0.1:1", None]
)
def test_another_s_name_is_refused(port: int, host: str | None) -> None:
    answer = ask(port, "/session", host and host.format(port))
    assert answer.status == 403 and b"recordings" not in answer.read()


def test_who_is_answered_and_how(port: int) -> None:
    assert ask(port, "/session", f"localhost:{port}").status == 200
    assert ask(port, "/session", method="POST").status == 405
    for path in ("/", "/page/app.js", "/session", "/nothing"):
        headers = ask(port, path).headers
        assert headers["Content-Security-Policy"].startswith("default-src 'self';")
        assert headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"]
    assert ask(port, "/page/app.js").headers["Content-Type"].split(";")[0] in {
        "text/javascript",
        "application/javascript",
    }


def test_a_port_that_is_taken(port: int, show: Show) -> None:
    with pytest.raises(RadarError, match=f"Port {port} cannot be opened"):
        server.make(show, port)


def test_the_page_asks_nobody_else(port: int) -> None:
    names = {path.name for path in server.PAGE.iterdir()}
    assert {"index.html", "app.js", "style.css"} <= names
    for path in server.PAGE.iterdir():
        text = path.read_text("utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert "//" not in re.sub(r"(?m)(^|\s)//.*$", "", text), path.name
        for name in re.findall(r'"(?:/page/|\./)([\w.]+)"', text):
            assert name in names
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/page/{name}") as answer:
                assert answer.status == 200
        assert not re.search(r"innerHTML|insertAdjacentHTML|eval\(|document\.write", text)


def test_an_idle_connection_prints_nothing(
    show: Show, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(server._Handler, "timeout", 0.2)
    made = server.make(show, 0)
    thread = threading.Thread(target=made.serve_forever, daemon=True)
    thread.start()
    with socket.create_connection((server.ADDRESS, made.server_port)) as idle:
        idle.settimeout(10)
        assert idle.recv(10) == b""  # it is closed, in time
    made.shutdown()
    made.server_close()
    thread.join(10)
    assert "Traceback" not in capfd.readouterr().err


def test_clients_of_other_recordings_do_not_wait(
    basis: Basis, made: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One recording that takes for ever holds up nobody but who asks for it."""
    few = simulated_recordings(labels_of(["Push", "NoHand"]), basis.held_out, 0)
    both = Show(few, basis, made, "")
    stuck, entered = threading.Event(), threading.Event()
    real = Show._play

    def play(self: Show, index: int) -> object:
        if index == 0:
            entered.set()
            assert stuck.wait(60)
        return real(self, index)

    monkeypatch.setattr(Show, "_play", play)
    waiting = [threading.Thread(target=both.play, args=(0,)) for _ in range(3)]
    for thread in waiting:
        thread.start()
    assert entered.wait(60)
    first = both.play(1)
    assert both.play(1) is first  # kept
    stuck.set()
    for thread in waiting:
        thread.join(60)
    assert both.play(0) is both.play(0)


def test_a_start_after_the_first_computes_nothing_anew(
    basis: Basis, made: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ranges and figures are kept; what is broken there, or of another program, is made anew."""
    monkeypatch.setattr(kept, "_place", lambda: tmp_path)
    calls: list[int] = []

    def make() -> dict[str, np.ndarray]:
        calls.append(1)
        return {"step": np.array(3.0), "features": np.zeros((2, 3), np.uint8)}

    for _ in range(2):
        np.testing.assert_array_equal(kept.kept_arrays(("a", 1), make)["features"], 0)
    assert len(calls) == 1
    kept.kept_arrays(("a", 2), make)
    assert len(calls) == 2
    for path in tmp_path.iterdir():
        path.write_bytes(b"broken")
    assert float(kept.kept_arrays(("a", 1), make)["step"]) == 3.0 and len(calls) == 3
    sample = made.model.reader.inputs(basis.sample)
    ran: list[int] = []

    def run() -> dict[str, object]:
        ran.append(1)
        return {"bit_exact": True, "cycles": 7}

    for _ in range(2):
        assert kept.kept_figures(made.compiled, sample, run)["cycles"] == 7
    assert len(ran) == 1
    kept.kept_figures(made.compiled, sample + 1.0, run)  # other bytes go in
    assert len(ran) == 2
    wrong = {"bit_exact": False}
    for _ in range(2):  # a program that was wrong is never taken for tested
        assert kept.kept_figures(made.compiled, sample + 2.0, lambda: wrong) == wrong
    assert len(list(tmp_path.glob("figures-*"))) == 2


# traces


def test_traces_of_a_simulated_person_play() -> None:
    made = watch_traces(None, 0, "cortex-m4", 5, lambda _what: lambda _done, _total: None)
    session = made.session()
    assert session["rows"] == COLUMNS and session["a_decision"] == "Trace"
    assert session["trained_on"] == "recorded" and session["figures"]["bit_exact"]
    assert len(session["recordings"]) == 15 and session["recordings"][0]["simulated"]
    assert "simulated person" in session["notes"][0]
    right = 0
    for index, recording in enumerate(session["recordings"]):
        play = made.play(index)
        assert play.maps.shape == (28, 1, 10, 28) and play.decisions == (27,)
        assert not play.maps[3, 0, :, 4:].any()  # what is to come is not shown
        np.testing.assert_array_equal(play.maps[27, 0, :, :4], play.maps[3, 0, :, :4])
        scores = play.scores[27]
        assert scores is not None and play.scores[26] is None
        right += int(np.argmax(scores)) == recording["label"]
    assert right >= 9  # the simulator is small, the network knows recorded hands


def test_a_folder_of_traces_is_known_by_its_files(tmp_path: Path) -> None:
    write_traces(simulate_traces(2, 1, 3), tmp_path / "traces")
    options = Options(tmp_path / "traces", (), "transformer-frames", 0, "cortex-m4", None, 0)
    made = tinyradar.watch.watch(options, lambda _what: lambda _done, _total: None)
    assert isinstance(made, TraceShow) and len(made.data.x) == 10
    for fold, words in ((7, "no fold 7"), (-1, "no fold -1")):
        with pytest.raises(RadarError, match=words):
            watch_traces(tmp_path / "traces", fold, None, 0, lambda _w: lambda _d, _t: None)
