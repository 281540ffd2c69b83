"""How pt2e.onnx and brevitas.onnx were made; no test runs it.

Needs torchao 0.18 for the one; brevitas 0.13.4, onnxoptimizer and dependencies 2.0.1 for the other.
"""

from pathlib import Path

import brevitas.nn as qnn
import torch
from brevitas.export import export_onnx_qcdq
from brevitas.quant import Int8ActPerTensorFloat, Int8WeightPerTensorFloat
from tests.models import TimmBlock, seeded
from torch import nn
from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86

HERE = Path(__file__).parent


def pt2e() -> None:
    """torchao's quantisation of an exported program: inputs and weights of the Linears."""
    x = torch.randn(1, 9, 32)
    program = torch.export.export(seeded(TimmBlock), (x,)).module()
    quantizer = x86.X86InductorQuantizer()
    quantizer.set_global(x86.get_default_x86_inductor_quantization_config())
    prepared = prepare_pt2e(program, quantizer)
    for _ in range(8):
        prepared(torch.randn(1, 9, 32))
    converted = torch.export.export(convert_pt2e(prepared), (x,))
    made = torch.onnx.export(converted, dynamo=True, opset_version=23, verbose=False)
    proto = made.model_proto
    for node in proto.graph.node:
        del node.metadata_props[:]  # paths of the machine that exported it
    (HERE / "pt2e.onnx").write_bytes(proto.SerializeToString())


class Trained(nn.Module):
    """Two layers, quantised as they are trained."""

    def __init__(self) -> None:
        super().__init__()
        act, weight = Int8ActPerTensorFloat, Int8WeightPerTensorFloat
        self.i = qnn.QuantIdentity(act_quant=act, return_quant_tensor=True)
        self.a = qnn.QuantLinear(32, 48, bias=True, weight_quant=weight)
        self.r = qnn.QuantReLU(return_quant_tensor=True)
        self.b = qnn.QuantLinear(48, 16, bias=True, weight_quant=weight, output_quant=act)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.b(self.r(self.a(self.i(x))))


def brevitas() -> None:
    """Brevitas' QCDQ export."""
    torch.manual_seed(0)
    module = Trained().train()
    for _ in range(20):
        module(torch.randn(4, 9, 32))
    path = HERE / "brevitas.onnx"
    export_onnx_qcdq(module.eval(), args=torch.randn(1, 9, 32), export_path=str(path), dynamo=False)


if __name__ == "__main__":
    pt2e()
    brevitas()
