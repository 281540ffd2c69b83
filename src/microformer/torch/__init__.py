"""Quantisation-aware training. The only package of microformer that imports torch."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from microformer.analysis.residual import residual_tensors
from microformer.calibrate import calibrate
from microformer.errors import DataError, ModelError
from microformer.graph.float_model import FloatModel
from microformer.load import load
from microformer.samples import check_samples
from microformer.torch.module import QuantizedModule
from microformer.torch.provenance import own_weights, trace, unshared

__all__ = ["QuantizedModule", "prepare"]


def prepare(
    model: nn.Module | FloatModel,
    *,
    calibration: Any,
    example: Any = None,
    softmax: str = "lut",
    residual: str = "int8",
    learn_ranges: bool = True,
) -> QuantizedModule:
    """A module that computes exactly what the compiled program of ``model`` will compute.

    ``calibration`` [N, *input shape without batch] gives the first ranges; ``example`` is one input
    with batch 1 (by default the first calibration sample). A torch module is copied: train the
    result's ``parameters()`` in any loop, then take ``convert()`` or ``float_state_dict()``.
    ``learn_ranges=False`` keeps the ranges of the calibration. ``softmax`` is "lut" or "ibert",
    ``residual`` "int8", "rows" (groups of unlike rows of the residual stream in scales of their
    own, which learn as well) or "int16": give both to ``microformer.compile`` again.
    Raises ModelError, UnsupportedOpError or DataError.
    """
    if residual not in ("int8", "rows", "int16"):
        raise DataError(f"residual is '{residual}'; a training simulates int8, rows or int16.")
    samples = np.asarray(calibration)  # a torch tensor too
    if isinstance(model, FloatModel):
        if model.imported is not None:
            raise ModelError(
                f"Model '{model.name}' brings its own scales, which training would leave behind: "
                "prepare the float model that it was made of."
            )
        loaded, source = unshared(model), None
        provenance = own_weights(loaded)
    else:
        given = torch.as_tensor(samples[:1]) if example is None else example
        source = copy.deepcopy(model).eval()
        loaded = unshared(load(source, example=given))
        provenance = trace(source, loaded, given)
    if len(loaded.inputs) > 1 or len(loaded.outputs) > 1:
        raise ModelError(
            f"Model '{loaded.name}' has {len(loaded.inputs)} inputs and {len(loaded.outputs)} "
            "outputs: a training simulates models of one input and one output; wrap the module."
        )
    found = check_samples(samples, None, loaded, "calibration")
    ranges = calibrate(loaded, found.x)
    if residual != "rows":
        ranges = replace(ranges, rows={})
    int16_tensors = frozenset(residual_tensors(loaded)) if residual == "int16" else frozenset()
    return QuantizedModule(loaded, ranges, provenance, source, softmax, learn_ranges, int16_tensors)


def __dir__() -> list[str]:
    return __all__
