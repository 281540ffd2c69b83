"""Opsets 11 to 23, exported programs, tf2onnx's way of writing, further inputs fixed."""

import io
import warnings
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from microformer.errors import ModelError
from microformer.graph.tensor import Array
from microformer.load import load
from tests.architectures import Bert, CompactConvolutional, RotaryAttention
from tests.exporters import legacy_export
from tests.models import SdpaAttention, TimmBlock, seeded
from tests.unit.float_checks import assert_same, counts, graph_model, run, torch_output

make = onnx.helper.make_node
X = torch.randn(1, 9, 32, generator=torch.Generator().manual_seed(1))
IMAGE = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("opset", range(11, 18))
def test_opsets_of_the_older_exporter(opset: int) -> None:
    second = RotaryAttention if opset > 13 else TimmBlock  # older opsets have no Trilu
    for module, x in ((seeded(CompactConvolutional), IMAGE), (seeded(second), X)):
        model = load(legacy_export(module, x, opset))
        assert counts(model)["Attention"] == (2 if x is IMAGE else 1)
        assert_same(model, x.numpy(), torch_output(module, x), rtol=1e-3)


@pytest.mark.parametrize("opset", range(18, 24))
def test_opsets_of_the_dynamo_exporter(opset: int) -> None:
    module = seeded(TimmBlock)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        made = torch.onnx.export(module, (X,), dynamo=True, opset_version=opset, verbose=False)
    assert made is not None
    buffer = io.BytesIO()
    onnx.save_model(made.model_proto, buffer)
    model = load(buffer.getvalue())
    assert counts(model)["Attention"] == 1
    assert_same(model, X.numpy(), torch_output(module, X))


def test_exported_program() -> None:
    module = seeded(SdpaAttention)
    program = torch.export.export(module, (X,))
    model = load(program)
    assert counts(model) == {"Linear": 4, "Attention": 1}
    assert_same(model, X.numpy(), torch_output(module, X))


def test_exported_program_that_has_no_onnx_form() -> None:
    class Odd(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.special.bessel_j0(x)  # type: ignore[no-any-return]

    with pytest.raises(ModelError, match="cannot export the program"):
        load(torch.export.export(Odd(), (X,)))


def test_images_as_tf2onnx_writes_them() -> None:
    """NHWC in and out, a Transpose on either side of each convolution, LayerNorm in small steps."""
    rng = np.random.default_rng(4)
    constants: dict[str, Array] = {
        "w": rng.normal(size=(6, 3, 3, 3)).astype(np.float32),
        "bias": rng.normal(size=6).astype(np.float32),
        "axes": np.array([3], np.int64),
        "eps": np.array(1e-3, np.float32),
        "gamma": rng.uniform(0.5, 1.5, 6).astype(np.float32),
        "beta": rng.normal(size=6).astype(np.float32),
        "half": np.array(0.5, np.float32),
        "root": np.array(1.41421354, np.float32),
        "one": np.array(1.0, np.float32),
    }
    graph = [
        make("Transpose", ["x"], ["c"], perm=[0, 3, 1, 2]),
        make("Conv", ["c", "w", "bias"], ["d"], auto_pad="SAME_UPPER", strides=[2, 2]),
        make("Transpose", ["d"], ["e"], perm=[0, 2, 3, 1]),
        make("ReduceMean", ["e", "axes"], ["mean"]),
        make("Sub", ["e", "mean"], ["off"]),
        make("Mul", ["off", "off"], ["square"]),
        make("ReduceMean", ["square", "axes"], ["spread"]),
        make("Add", ["spread", "eps"], ["wide"]),
        make("Sqrt", ["wide"], ["deviation"]),
        make("Reciprocal", ["deviation"], ["inverse"]),
        make("Mul", ["inverse", "gamma"], ["gain"]),
        make("Mul", ["e", "gain"], ["scaled"]),
        make("Mul", ["mean", "gain"], ["shift"]),
        make("Sub", ["beta", "shift"], ["offset"]),
        make("Add", ["scaled", "offset"], ["norm"]),
        make("Div", ["norm", "root"], ["r"]),
        make("Erf", ["r"], ["s"]),
        make("Add", ["s", "one"], ["t"]),
        make("Mul", ["norm", "half"], ["u"]),
        make("Mul", ["u", "t"], ["y"]),
    ]
    proto = graph_model(graph, [1, 8, 8, 3], constants, opset=18)
    x = rng.normal(size=(1, 8, 8, 3)).astype(np.float32)
    model = load(proto)
    expected = {"Transpose": 2, "Conv": 1, "LayerNormalization": 1, "Gelu": 1}
    assert counts(model) == expected
    assert_same(model, x, run(proto, x)[0])


class Masked(torch.nn.Module):
    """A BERT that takes its mask as a second input."""

    def __init__(self) -> None:
        super().__init__()
        self.bert = seeded(Bert)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = self.bert.words(ids)  # type: ignore[operator]
        offset = (1.0 - mask[:, None, :, None].float()) * -1e4
        q = x.view(1, 12, 4, 8).transpose(1, 2)
        p = (q @ q.transpose(2, 3) + offset.transpose(2, 3)).softmax(-1)
        return (p @ q).transpose(1, 2).reshape(1, 12, 32)  # type: ignore[no-any-return]


def masked() -> tuple[bytes, torch.nn.Module, Array]:
    module = Masked().eval()
    ids = torch.randint(0, 40, (1, 12), generator=torch.Generator().manual_seed(1))
    stream: Any = io.BytesIO()
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        names: dict[str, Any] = {"input_names": ["ids", "mask"]}
        names["dynamic_axes"] = {"ids": {0: "n", 1: "s"}, "mask": {0: "n", 1: "s"}}
        torch.onnx.export(
            module, (ids, torch.ones_like(ids)), stream, dynamo=False, opset_version=17, **names
        )
    return bytes(stream.getvalue()), module, ids.numpy()


def test_a_further_input_is_fixed() -> None:
    data, module, ids = masked()
    with pytest.raises(ModelError, match=r"Axis 1 .* of input 'mask' is dynamic"):
        load(data, shape={"ids": (1, 12)})
    with pytest.raises(ModelError, match="'none' cannot be fixed: the inputs are 'ids', 'mask'"):
        load(data, fixed={"none": 1.0})
    with pytest.raises(ModelError, match=r"Axis 1 .* is dynamic"):
        load(data, fixed={"mask": 1.0})
    model = load(data, shape={"ids": (1, 12)}, fixed={"mask": 1.0})
    assert (model.input_name, model.input_shape) == ("ids", (1, 12))
    assert counts(model)["Attention"] == 1
    with torch.no_grad():
        expected = module(torch.from_numpy(ids), torch.ones(1, 12)).numpy()
    assert_same(model, ids, expected)
