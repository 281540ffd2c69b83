"""ONNX's own cases of single operators: load, float and int8 on this machine, each against ONNX.

Which pass and which are refused for which reason is a golden file, so that a change is seen: none
may be wrong, and none may end in anything but a sentence.
"""

import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test.case.node import collect_testcases

import microformer
from microformer.analysis.float_run import FloatRunner
from microformer.errors import MicroformerError
from microformer.graph.tensor import Array

PARTS = 8
GOLDEN = Path(__file__).parents[1] / "golden" / "node_cases.json"
LEAST_DB = 10.0
"""Worse than that is no rounding but another function."""


@dataclass(frozen=True, eq=False)
class Spelling:
    """A case as a model of one input: the model, its input [1, ...] and the expected output."""

    name: str
    model: onnx.ModelProto
    x: Array
    wanted: Array


@cache
def _cases() -> tuple[object, ...]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of ONNX's own making of the cases
        return tuple(sorted(collect_testcases(None), key=lambda case: str(case.name)))


def operators_of_cases() -> dict[str, str]:
    """The operator that each case is of, by the case's name."""
    return {c.name: c.model.graph.node[0].op_type for c in _cases() if c.model.graph.node}  # type: ignore[attr-defined]


def _with_constants(
    model: onnx.ModelProto, values: dict[str, Array], kept: list[str]
) -> onnx.ModelProto:
    """All inputs but ``kept`` become constants; one output is left."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    inputs = [value for value in made.graph.input if value.name in kept]
    for name, data in values.items():
        if name not in kept:
            made.graph.initializer.append(numpy_helper.from_array(data, name))
    del made.graph.input[:]
    made.graph.input.extend(inputs)
    del made.graph.output[1:]
    return made


def _framed(model: onnx.ModelProto, parts: dict[str, Array], wanted: Array) -> onnx.ModelProto:
    """The model behind one flat input [1, n] that is cut into ``parts``, and a batch in front."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    nodes, at = list(made.graph.node), 0
    del made.graph.node[:]

    def constant(name: str, *numbers: int) -> str:
        data = np.array(numbers, np.int64)
        made.graph.initializer.append(numpy_helper.from_array(data, name))
        return name

    for name, data in parts.items():
        bounds = [constant(f"{name}.{k}", v) for k, v in (("b", at), ("e", at + data.size))]
        piece = [constant(f"{name}.axis", 1), constant(f"{name}.shape", *data.shape)]
        made.graph.node.append(
            helper.make_node("Slice", ["flat", *bounds, piece[0]], [f"{name}.flat"])
        )
        made.graph.node.append(helper.make_node("Reshape", [f"{name}.flat", piece[1]], [name]))
        at += data.size
    made.graph.node.extend(nodes)
    last = made.graph.output[0].name
    shape = constant("framed.shape", 1, *wanted.shape)
    made.graph.node.append(helper.make_node("Reshape", [last, shape], ["framed"]))
    del made.graph.input[:]
    del made.graph.output[:]
    made.graph.input.append(helper.make_tensor_value_info("flat", TensorProto.FLOAT, [1, at]))
    made.graph.output.append(
        helper.make_tensor_value_info("framed", TensorProto.FLOAT, [1, *wanted.shape])
    )
    return made


def _spellings(case: object) -> Iterator[Spelling]:
    """A case as it stands with its first input kept, that with a batch, all real inputs in one."""
    inputs, outputs = case.data_sets[0]  # type: ignore[attr-defined]
    model = case.model  # type: ignore[attr-defined]
    names = [value.name for value in model.graph.input]
    if not names or len(names) != len(inputs) or not isinstance(outputs[0], np.ndarray):
        return
    values = {n: np.asarray(v) for n, v in zip(names, inputs, strict=True) if v is not None}
    if len(values) != len(names) or any(v.dtype == object for v in values.values()):
        return
    real = [n for n, v in values.items() if v.dtype == np.float32 and v.size]
    wanted = outputs[0]
    for first in real[:1] or names[:1]:
        yield Spelling("raw", _with_constants(model, values, [first]), values[first], wanted)
    if real and wanted.dtype == np.float32 and wanted.size:
        alone = _with_constants(model, values, real[:1])
        flat = values[real[0]].reshape(1, -1)
        yield Spelling("alone", _framed(alone, {real[0]: values[real[0]]}, wanted), flat, wanted)
    if len(real) > 1 and wanted.dtype == np.float32 and wanted.size:
        parts = {n: values[n] for n in real}
        flat = np.concatenate([v.reshape(-1) for v in parts.values()])[None]
        kept = _with_constants(model, values, real)
        yield Spelling("framed", _framed(kept, parts, wanted), flat.astype(np.float32), wanted)


def _outcome(spelling: Spelling, tolerance: float) -> str:
    """ "pass", "float only: why int8 is refused" or "refused: why"; fails where it is wrong."""
    try:
        model = microformer.load(spelling.model, name="case")
    except MicroformerError as error:
        return f"refused: {_sentence(error)}"
    # what has no batch of its own is one sample whole
    x, wanted = spelling.x, spelling.wanted.astype(np.float64).reshape(-1)
    x = x.reshape(model.input_shape)
    got = FloatRunner(model)(x)[model.output_name]
    if model.outputs[0].places is not None:
        got = got.argmax(axis=-1)
    got = got.reshape(-1)
    np.testing.assert_allclose(got, wanted, rtol=max(tolerance, 1e-3), atol=1e-4)
    if not np.isfinite(x).all() or not np.isfinite(wanted).all():
        return "pass"
    samples = x.astype(np.int32)
    if x.dtype.kind == "f":
        noise = np.random.default_rng(0).standard_normal((7, *x.shape[1:]))
        samples = np.concatenate([x, x + 0.05 * np.abs(x).max() * noise]).astype(np.float32)
    try:
        compiled = microformer.compile(model, samples, "host", effort="low")
    except MicroformerError as error:
        return f"float only: {_sentence(error)}"
    report = microformer.run(compiled, samples)
    assert report.bit_exact and report.firmware_exact is not False
    assert report.sqnr_db is None or report.sqnr_db > LEAST_DB or not np.any(wanted)
    return "pass"


def _sentence(error: MicroformerError) -> str:
    text = str(error)
    assert text.endswith(".") and "\n" not in text and len(text) < 400, text
    assert "contradicts itself" not in text and "Traceback" not in text
    assert "Something unexpected" not in text, text
    return text


def _measured(part: int) -> dict[str, str]:
    found: dict[str, str] = {}
    for case in _cases()[part::PARTS]:
        for spelling in _spellings(case):
            name = f"{case.name} {spelling.name}"  # type: ignore[attr-defined]
            coarse = 1e-2 if "float16" in name else 0.0  # halves: we compute in float32
            try:
                found[name] = _outcome(spelling, max(float(case.rtol), coarse))  # type: ignore[attr-defined]
            except Exception as error:
                raise AssertionError(f"{name} is wrong: {error}") from error
    return found


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_no_case_is_wrong_and_the_list_is_known(
    part: int, golden_json: Callable[[Path, dict[str, str]], None]
) -> None:
    golden_json(GOLDEN, _measured(part))


def test_the_list_is_not_empty() -> None:
    known = json.loads(GOLDEN.read_text("utf-8"))
    assert len({name.split()[0] for name in known["pass"]}) >= 240
