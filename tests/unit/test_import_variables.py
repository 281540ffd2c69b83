"""TFLite's variables are states: held to LiteRT's own answers, call by call."""

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

import microformer
from microformer.errors import UnsupportedOpError
from microformer.graph.tensor import Array
from tests.unit.tflite_writer import TfliteWriter

WIDTH, KEPT = 6, 10


def _streaming(
    begin: float = 0.0, assign: bool = True, answer_state: bool = False, twice: bool = False
) -> bytes:
    """y = W [x, s], s' = tanh(V [x, s]); s is a variable that CALL_ONCE sets to ``begin``."""
    random = np.random.default_rng(3)
    w, once = TfliteWriter(), TfliteWriter()
    handle = {"SharedName": "s", "Container": ""}
    if begin is not None:
        at = once.tensor("handle", (), "resource")
        zeros = once.tensor("zeros", (1, KEPT), "float32", np.full((1, KEPT), begin, np.float32))
        once.operator("VAR_HANDLE", [], [at], "VarHandleOptions", **handle)
        once.operator("ASSIGN_VARIABLE", [at, zeros], [], "AssignVariableOptions")
        w.operator("CALL_ONCE", [], [], "CallOnceOptions", InitSubgraphIndex=1)
    x = w.tensor("x", (1, WIDTH), "float32")
    at = w.tensor("handle", (), "resource")
    w.operator("VAR_HANDLE", [], [at], "VarHandleOptions", **handle)
    past = w.tensor("past", (1, KEPT), "float32")
    w.operator("READ_VARIABLE", [at], [past], "ReadVariableOptions")
    both = w.tensor("both", (1, WIDTH + KEPT), "float32")
    w.operator("CONCATENATION", [x, past], [both], "ConcatenationOptions", Axis=1)

    def full(name: str, source: int, width: int, out: int) -> int:
        weight = random.normal(0, 0.5, (out, width)).astype(np.float32)
        made = w.tensor(name, (1, out), "float32")
        constant = w.tensor(f"{name}_w", (out, width), "float32", weight)
        w.operator("FULLY_CONNECTED", [source, constant, -1], [made], "FullyConnectedOptions")
        return made

    inner = full("inner", both, WIDTH + KEPT, KEPT)
    after = w.tensor("after", (1, KEPT), "float32")
    w.operator("TANH", [inner], [after])
    if assign:
        w.operator("ASSIGN_VARIABLE", [at, after], [], "AssignVariableOptions")
    source = after
    if twice:  # what is read after an assignment is what was assigned
        source = w.tensor("again", (1, KEPT), "float32")
        w.operator("READ_VARIABLE", [at], [source], "ReadVariableOptions")
    y = after if answer_state else full("y", source, KEPT, 3)
    return w.build([x], [y], once)


def _by_litert(data: bytes, x: Array) -> Array:
    """[N, steps, ...]: a fresh interpreter for each sequence."""
    answers = []
    for sequence in x:
        machine = Interpreter(model_content=data)
        machine.allocate_tensors()
        given, made = machine.get_input_details()[0], machine.get_output_details()[0]
        for frame in sequence:
            machine.set_tensor(given["index"], frame[None])
            machine.invoke()
            answers.append(machine.get_tensor(made["index"])[0].copy())
    return np.array(answers).reshape(*x.shape[:2], -1)


@pytest.mark.parametrize(("answer_state", "twice"), [(False, False), (True, False), (False, True)])
def test_a_variable_is_a_state(answer_state: bool, twice: bool) -> None:
    data = _streaming(answer_state=answer_state, twice=twice)
    x = np.random.default_rng(0).normal(size=(8, 12, WIDTH)).astype(np.float32)
    model = microformer.load(data)
    assert len(model.states) == 1 and model.states[0][0] == "past"
    assert [end.name for end in model.given] == ["x"] and len(model.answers) == 1
    compiled = microformer.compile(model, x, "cortex-m4", effort="low")
    report = microformer.run(compiled, x, count=20)
    assert report.bit_exact and report.firmware_exact
    wanted, made = _by_litert(data, x), microformer.predict(compiled, x)
    error = np.square(wanted - made.reshape(wanted.shape)).mean()
    assert 10 * np.log10(np.square(wanted).mean() / error) > 25


def test_variables_that_are_no_state() -> None:
    with pytest.raises(UnsupportedOpError, match=r"'s' of .* values other than zero"):
        microformer.load(_streaming(begin=1.0))
    with pytest.raises(UnsupportedOpError, match=r"'s' of .* never assigned"):
        microformer.load(_streaming(assign=False))
