"""What the Python API takes, and the one sentence for what it does not."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

import microformer
from microformer.demo import demo_paths
from microformer.errors import DataError, MicroformerError
from microformer.graph.float_model import FloatModel
from microformer.graph.tensor import Array
from microformer.settings import Settings
from microformer.tune.objective import graph_macs


@pytest.fixture(scope="module")
def model() -> FloatModel:
    with demo_paths() as paths:
        return microformer.load(paths.model)


@pytest.fixture(scope="module")
def x() -> Array:
    with demo_paths() as paths, np.load(paths.calibration) as samples:
        return np.asarray(samples["x"][:16])


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("softmax", "LUT"),
        ("softmax", None),
        ("effort", "hihg"),
        ("effort", 3),
        ("residual", "int4"),
    ],
)
def test_a_choice_that_there_is_not_is_one_sentence(
    field: str, value: object, model: FloatModel, x: Array
) -> None:
    with pytest.raises(DataError, match=rf"^{field} is {value!r}; it can be [a-z0-9, ]+\.$"):
        Settings(**{field: value})  # type: ignore[arg-type]
    doors: list[Callable[..., object]] = [microformer.compile, microformer.quantize]
    for door in (*doors, microformer.audit):
        with pytest.raises(DataError, match=f"{field} is "):
            door(model, x, **{field: value})


def test_compile_takes_what_load_takes(x: Array) -> None:
    with demo_paths() as paths:
        by_path = microformer.compile(str(paths.model), x, "host", effort="low")
        by_model = microformer.compile(microformer.load(paths.model), x, "host", effort="low")
    assert by_path.project.files == by_model.project.files
    module = torch.nn.Sequential(torch.nn.Linear(6, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))
    samples = np.random.default_rng(0).normal(size=(8, 6)).astype(np.float32)
    made = microformer.compile(module.eval(), samples, "host", effort="low")
    assert microformer.run(made, samples).firmware_exact


@pytest.mark.parametrize("kind", ["list", "tensor", "gradient", "double"])
def test_samples_are_anything_that_numpy_takes(kind: str, model: FloatModel, x: Array) -> None:
    makers: dict[str, Callable[[], object]] = {
        "list": lambda: x.astype(float).tolist(),
        "tensor": lambda: torch.from_numpy(x),
        "gradient": lambda: torch.tensor(x, requires_grad=True),
        "double": lambda: x.astype(np.float64),
    }
    given = makers[kind]()
    compiled = microformer.compile(model, given, "host", effort="low")
    expected = microformer.compile(model, x, "host", effort="low")
    assert compiled.project.files == expected.project.files
    assert np.array_equal(microformer.predict(compiled, given), microformer.predict(expected, x))
    y = torch.zeros(len(x), dtype=torch.int64)
    assert microformer.run(compiled, given, y).accuracy_int8 is not None


@pytest.mark.parametrize("wrong", [[[1.0], [2.0, 3.0]], "samples.npz", {"x": 1}, None, object()])
def test_samples_that_are_none_are_one_sentence(wrong: object, model: FloatModel) -> None:
    with pytest.raises(MicroformerError) as caught:
        microformer.compile(model, wrong, "host")
    assert str(caught.value).endswith(".") and "\n" not in str(caught.value)


def test_a_large_model_says_what_normal_effort_left_untried(
    model: FloatModel, x: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = graph_macs(microformer.quantize(model, x, effort="low"))
    monkeypatch.setattr("microformer.tune.BUDGET_MACS", 100 * work)
    compiled = microformer.compile(model, x, "host")
    (note,) = (n for n in compiled.int_graph.notes if "Effort 'normal' tried" in n)
    assert f"{work:,} MAC" in note
    report = microformer.run(compiled, x[:2])
    assert note in report.notes
