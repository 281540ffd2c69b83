"""LSTM and GRU in torch, for the derivative alone."""

from collections.abc import Sequence

import onnx_ir as ir
import torch
from torch import Tensor


def recurrent(node: ir.Node, a: Sequence[Tensor | None]) -> Tensor:
    """Lstm and Gru over gates [1, S, G H]; the recurrent product and its bias as they are."""
    gates, weight, bias = a[:3]
    assert gates is not None and weight is not None and bias is not None
    units = weight.shape[-1]
    state = gates.new_zeros(*gates.shape[:-2], units)
    cell, rows = state, []
    for own in gates.unbind(-2):
        inner = state @ weight.transpose(-1, -2) + bias
        if node.op_type == "Lstm":
            i, o, f, g = torch.chunk(own + inner, 4, -1)
            cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
            state = torch.sigmoid(o) * torch.tanh(cell)
        else:
            (z, r, n), (hz, hr, hn) = torch.chunk(own, 3, -1), torch.chunk(inner, 3, -1)
            z, r = torch.sigmoid(z + hz), torch.sigmoid(r + hr)
            if not node.attributes.get_int("reset_after", 0):
                new = weight[..., 2 * units :, :].transpose(-1, -2)
                inside = (r * state) @ new + bias[..., 2 * units :]
            else:
                inside = r * hn
            n = torch.tanh(n + inside)
            state = n + z * (state - n)
        rows.append(state)
    return torch.stack(rows, -2)
