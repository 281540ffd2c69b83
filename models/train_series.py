"""Train transformers on two multivariate series that pip's ``aeon`` ships: speech and motion.

- JapaneseVowels (Kudo, Toyama, Shimbo, 1999; UCI): nine speakers say two vowels; 7 to 29 frames
  of 12 cepstrum coefficients; 270 utterances to train, 370 held out. Padded with zeros to 29.
- BasicMotions (UEA archive): a smart watch's accelerometer and gyroscope, 100 samples of 6 axes,
  four activities; 40 recordings to train, 40 held out.

The files are read from the installed package; aeon itself is not imported, nothing is fetched.

    python models/train_series.py vowels --seed 0 --out trained/
"""

import argparse
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import nn

from training import Array, Data, accuracy, fit

FILES = {"vowels": "JapaneseVowels", "motions": "BasicMotions"}
EPOCHS = {"vowels": 60, "motions": 120}


class SeriesTransformer(nn.Module):
    """[N, channels, length] -> logits [N, classes]: patches by convolution, 2 blocks, mean."""

    def __init__(self, channels: int, length: int, classes: int, patch: int, dim: int = 32) -> None:
        super().__init__()
        self.stem = nn.Conv1d(channels, dim, patch, stride=patch)
        self.position = nn.Parameter(torch.randn(1, length // patch, dim) * 0.02)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                dim, 4, 2 * dim, 0.1, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(2)
        )
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x [N, channels, length] -> [N, classes]."""
        tokens = self.stem(x).transpose(1, 2) + self.position  # [N, length / patch, dim]
        for block in self.blocks:
            tokens = block(tokens)
        logits: torch.Tensor = self.head(self.norm(tokens).mean(1))
        return logits


def read_series(path: Path, length: int) -> tuple[Array, list[str]]:
    """A .ts file without time stamps: float32 [N, channels, length] (padded) and class names."""
    samples, names = [], []
    for line in path.read_text("utf-8").splitlines():
        if not line or line.startswith(("#", "@")):
            continue
        *channels, name = line.split(":")
        values = np.array([[float(v) for v in c.split(",")] for c in channels], np.float32)
        samples.append(np.pad(values, ((0, 0), (0, length - values.shape[1]))))
        names.append(name.strip())
    return np.stack(samples), names


def series(name: str) -> Data:
    """The official split of "vowels" or "motions", channels scaled by the training part."""
    spec = find_spec("aeon")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("pip install aeon: it ships the recordings.")
    known = FILES[name]
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "data" / known
    length = {"vowels": 29, "motions": 100}[name]
    x, labels = read_series(folder / f"{known}_TRAIN.ts", length)
    held_x, held_labels = read_series(folder / f"{known}_TEST.ts", length)
    classes = sorted(set(labels))
    y, held_y = (np.array([classes.index(v) for v in part]) for part in (labels, held_labels))
    scale = x.std(axis=(0, 2), keepdims=True)  # no offset: zero stays what was padded
    return Data(x / scale, y, held_x / scale, held_y)


def noisy(x: torch.Tensor) -> torch.Tensor:
    """Series [N, C, L] a little louder or softer, with a little noise."""
    gain = 1.0 + 0.1 * torch.randn(len(x), 1, 1)
    return x * gain + 0.1 * torch.randn_like(x)


def make_series_model(name: str, data: Data) -> SeriesTransformer:
    """An untrained transformer for the shape of the data."""
    channels, length = data.x.shape[1:]
    patch = {"vowels": 1, "motions": 5}[name]
    return SeriesTransformer(channels, length, int(data.y.max()) + 1, patch)


def train_series(name: str, data: Data, seed: int, epochs: int | None = None) -> SeriesTransformer:
    """A trained transformer, in eval mode."""
    torch.manual_seed(seed)
    model = make_series_model(name, data)
    batch = 32 if name == "vowels" else 8
    fit(model, data.x, data.y, epochs or EPOCHS[name], noisy, batch)
    return model


def main() -> None:
    """Train, print the held-out accuracy, write the .onnx and both parts of the data."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", choices=FILES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    data = series(options.data)
    model = train_series(options.data, data, options.seed, options.epochs)
    right = accuracy(model, data.held_x, data.held_y)
    print(f"held-out accuracy {right:.4f} over {len(data.held_y)} samples")
    options.out.mkdir(parents=True, exist_ok=True)
    example = torch.from_numpy(data.held_x[:1])
    program = torch.onnx.export(model, (example,), dynamo=True, verbose=False)
    assert program is not None
    program.save(str(options.out / f"{options.data}.onnx"), external_data=False)
    np.savez_compressed(options.out / f"{options.data}_train.npz", x=data.x, y=data.y)
    np.savez_compressed(options.out / f"{options.data}_test.npz", x=data.held_x, y=data.held_y)


if __name__ == "__main__":
    main()
