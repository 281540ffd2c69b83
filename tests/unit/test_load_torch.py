"""load(nn.Module): through torch's dynamo exporter, names from module paths, no traces."""

import os
import re
import warnings
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from torch import nn

from microformer.errors import ModelError
from microformer.graph.float_model import FloatModel
from microformer.load import load
from tests.models import (
    Activations,
    CrossAttention,
    HandNorm,
    SelfAttention,
    TextClassifier,
    TimmBlock,
    VisionTransformer,
    conv_stem_1d,
    conv_stem_2d,
    encoder,
    seeded,
)
from tests.unit.float_checks import assert_same, counts, torch_output

BLOCK = {"LayerNormalization": 2, "Linear": 6, "Attention": 1, "Add": 2, "Gelu": 1}


def sample(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(7))


@pytest.fixture(scope="module")
def big_encoder() -> tuple[nn.Module, torch.Tensor, FloatModel]:
    """The issue's encoder: d=64, 4 heads, 2 layers, S=81."""
    module, x = seeded(encoder), sample(1, 81, 64)
    return module, x, load(module, example=x)


def test_encoder(big_encoder: tuple[nn.Module, torch.Tensor, FloatModel]) -> None:
    module, x, model = big_encoder
    assert counts(model) == {op: 2 * count for op, count in BLOCK.items()}
    assert_same(model, x.numpy(), torch_output(module, x))
    assert (model.name, model.input_shape) == ("TransformerEncoder", (1, 81, 64))
    assert (model.input_dtype, model.output_shape) == ("float32", (1, 81, 64))


def test_names_are_module_paths(big_encoder: tuple[nn.Module, torch.Tensor, FloatModel]) -> None:
    names = [str(node.name) for node in big_encoder[2].model.graph]
    layer = [n.removeprefix("layers.1.") for n in names if n.startswith("layers.1.")]
    attention = [f"self_attn.{part}" for part in ("q", "k", "v", "attention", "out")]
    expected = ["norm1", *attention, "add", "norm2", "linear1", "gelu", "linear2", "add_2"]
    assert layer == expected
    assert "layers.0.linear1.weight" in big_encoder[2].model.graph.initializers
    assert all(re.fullmatch(r"[\w.-]+", name) for name in names)


CASES: dict[str, tuple[nn.Module, torch.Tensor, dict[str, int]]] = {
    "vision transformer": (
        seeded(VisionTransformer),
        sample(1, 1, 8, 8),
        {
            **{"Conv": 1, "Reshape": 2, "Transpose": 1, "Concat": 1, "Slice": 1},
            **{"Add": 3, "LayerNormalization": 3, "Linear": 7, "Attention": 1, "Gelu": 1},
        },
    ),
    "timm block": (seeded(TimmBlock, fused=True), sample(1, 9, 32), BLOCK),
    "mha need_weights, seq first": (
        seeded(SelfAttention, need_weights=True, batch_first=False),
        sample(1, 9, 32),
        {"Linear": 4, "Attention": 1},
    ),
    "mha causal": (
        seeded(SelfAttention, causal=True),
        sample(1, 9, 32),
        {"Linear": 4, "Attention": 1},
    ),
    "cross": (
        seeded(CrossAttention),
        sample(1, 9, 32),
        {"Linear": 6, "Attention": 1, "Slice": 1},
    ),
    "conv 2d": (
        seeded(conv_stem_2d),
        sample(1, 3, 16, 16),
        {
            **{"Conv": 3, "Clip": 1, "HardSwish": 1, "Silu": 1, "MaxPool": 1, "AveragePool": 1},
            **{"ReduceMean": 1, "Reshape": 1, "Linear": 1},
        },
    ),
    "conv 1d": (
        seeded(conv_stem_1d),
        sample(1, 4, 40),
        {"Conv": 3, "Gelu": 1, "HardSigmoid": 1, "MaxPool": 1},
    ),
    "activations": (
        seeded(Activations),
        sample(1, 5, 16),
        {
            **{"Linear": 11, "Relu": 1, "Clip": 1, "Silu": 2, "Tanh": 1, "Sigmoid": 1},
            **{"HardSwish": 1, "HardSigmoid": 1, "Gelu": 3},
        },
    ),
    "norms": (
        seeded(HandNorm),
        sample(1, 5, 16),
        {"LayerNormalization": 1, "Linear": 1, "RMSNormalization": 1},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_dynamo_export(case: str) -> None:
    module, x, expected = CASES[case]
    model = load(module, example=x.numpy(), name="mine")
    assert counts(model) == expected
    assert_same(model, x.numpy(), torch_output(module, x))
    assert model.name == "mine"


def test_token_input_is_int32() -> None:
    module = seeded(TextClassifier)
    tokens = torch.randint(0, 50, (1, 12), generator=torch.Generator().manual_seed(1))
    model = load(module, example=tokens)
    assert model.input_dtype == "int32"
    assert counts(model)["Gather"] == 1
    assert "Mul" not in counts(model)  # sqrt(d) went into the table
    assert_same(model, tokens.numpy(), torch_output(module, tokens))


def test_training_flags_and_folder_are_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    module = nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.5), nn.Linear(4, 2)).train()
    module[2].eval()
    model = load(module, example=np.ones((1, 3, 4), np.float32))
    assert counts(model) == {"Linear": 2}
    assert module.training
    assert module[1].training
    assert not module[2].training
    assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_saved_dynamo_file_with_dynamic_batch(tmp_path: Path) -> None:
    """Opset 18, batch left open, saved with its weights in a second file beside it."""
    module, x = seeded(TimmBlock), sample(2, 9, 32)
    batch = torch.export.Dim("batch", min=1, max=64)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            module, (x,), dynamo=True, opset_version=18, dynamic_shapes=({0: batch},), verbose=False
        )
    assert program is not None
    program.save(tmp_path / "block.onnx", external_data=True)
    assert (tmp_path / "block.onnx.data").exists()
    assert onnx.load(tmp_path / "block.onnx").graph.input[0].type.tensor_type.shape.dim[0].dim_param
    model = load(tmp_path / "block.onnx")
    assert counts(model) == BLOCK
    assert (model.name, model.input_shape) == ("block", (1, 9, 32))
    assert_same(model, x[:1].numpy(), torch_output(module, x[:1]))


def test_module_without_example() -> None:
    with pytest.raises(ModelError, match=r"needs an example input: load\(module, example=tensor\)"):
        load(nn.Linear(2, 2))


def test_module_that_cannot_be_exported() -> None:
    class Branching(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x if float(x.sum()) > 0 else -x

    with pytest.raises(ModelError, match=r"^torch\.onnx\.export cannot export the module"):
        load(Branching(), example=torch.ones(1, 2))
