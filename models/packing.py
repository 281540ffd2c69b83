"""How a trained network ships: its float model as ONNX, its int8 graph with constants beside it."""

from pathlib import Path

import torch
from torch import nn

import microformer
from microformer.graph.serialize import to_bytes
from training import Array


def pack_network(network: nn.Module, samples: Array, out: Path, stem: str, given: str) -> None:
    """Write ``<stem>_transformer.onnx``, ``<stem>_graph.json`` and ``.npz`` to ``out``.

    ``samples`` [N, ...] are what it is quantised with, ``given`` is its input's name.
    """
    path = out / f"{stem}_transformer.onnx"
    program = torch.onnx.export(
        network.eval(),
        (torch.from_numpy(samples[:1]),),
        dynamo=True,
        opset_version=18,
        input_names=[given],
        output_names=["scores"],
        verbose=False,
    )
    assert program is not None
    program.save(str(path), external_data=False)
    graph = microformer.quantize(microformer.load(str(path)), samples)
    text, constants = to_bytes(graph)
    (out / f"{stem}_graph.json").write_text(text, "utf-8")
    (out / f"{stem}_graph.npz").write_bytes(constants)
