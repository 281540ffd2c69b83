"""Which inputs are what outputs were in the call before: states."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace

import onnx_ir as ir

from microformer.errors import ModelError
from microformer.graph.float_model import FloatEnd, FloatModel

STATES = "microformer.states"
"""Metadata of a model: the pairs that its own file says, as JSON."""
_PAST = re.compile(r"past_key_values?\.(\d+)\.(.+)")


def with_states(model: FloatModel, wanted: Mapping[str, str] | None) -> FloatModel:
    """``model`` with the pairs ``wanted`` (input: output), or those that their names tell.

    Names of Hugging Face's exporters tell: ``past_key_values.N.key`` and ``present.N.key``, where
    both have one shape. Raises ModelError for a pair that is none.
    """
    inputs = {end.name: end for end in model.inputs}
    outputs = {end.name: end for end in model.outputs}
    pairs = list(wanted.items()) if wanted else _by_name(inputs, outputs)
    for read, written in pairs:
        _check(read, written, inputs, outputs)
    for place, names in enumerate(("input", "output")):
        listed = [pair[place] for pair in pairs]
        twice = next((name for name in listed if listed.count(name) > 1), None)
        if twice is not None:
            raise ModelError(f"The {names} '{twice}' is named in two states; each is of one.")
    if pairs and len(pairs) == len(inputs):
        raise ModelError("All inputs are states; a program needs one that its caller gives.")
    if pairs and len(pairs) == len(outputs):
        raise ModelError("All outputs are states; a program needs one that its caller gets.")
    return replace(model, states=tuple(pairs)) if pairs else model


def _by_name(
    inputs: Mapping[str, FloatEnd], outputs: Mapping[str, FloatEnd]
) -> list[tuple[str, str]]:
    """The pairs of a cache, by its usual names; one that grows has unlike shapes and is none."""
    found = []
    for name, end in inputs.items():
        match = _PAST.fullmatch(name)
        written = f"present.{match[1]}.{match[2]}" if match else ""
        if written in outputs and outputs[written].shape == end.shape and end.dtype == "float32":
            found.append((name, written))
    return found


def _check(
    read: str, written: str, inputs: Mapping[str, FloatEnd], outputs: Mapping[str, FloatEnd]
) -> None:
    if read not in inputs:
        raise ModelError(
            f"The state '{read}' is no input of the model; its inputs are {', '.join(inputs)}."
        )
    if written not in outputs:
        raise ModelError(
            f"The state '{read}' is to be read from '{written}', which is no output of the model; "
            f"its outputs are {', '.join(outputs)}."
        )
    if inputs[read].dtype != "float32" or outputs[written].places is not None:
        raise ModelError(
            f"The state '{read}' is of whole numbers; states of real numbers are kept."
        )
    if inputs[read].shape != outputs[written].shape:
        raise ModelError(
            f"The state '{read}' has shape {list(inputs[read].shape)} and '{written}', from which "
            f"it is to be read, {list(outputs[written].shape)}; both must be alike. A cache that "
            "grows must be one of fixed size."
        )


def told_states(model: ir.Model) -> dict[str, int]:
    """What the file itself says: the input's name and the place of the output among outputs."""
    outputs = [value.name for value in model.graph.outputs]
    try:
        pairs = json.loads(model.metadata_props.get(STATES, "[]"))
        return {str(read): outputs.index(str(written)) for read, written in pairs}
    except (TypeError, ValueError):
        return {}  # somebody else's words
