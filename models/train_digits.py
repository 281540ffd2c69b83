"""Train the demo: a small vision transformer on scikit-learn's digits, held out by split.

Run ``python models/train_digits.py``. Deterministic for a seed on one machine.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

from training import Data, accuracy, fit

OUT = Path(__file__).parents[1] / "src" / "microformer" / "demo"
EPOCHS = 150


class DigitsViT(nn.Module):
    """[N, 1, 8, 8] in 0..1 -> logits [N, 10]; 16 patches and a class token."""

    def __init__(self, dim: int = 32, heads: int = 4) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, dim, 2, stride=2)
        self.token = nn.Parameter(torch.randn(1, 1, dim) * 0.02)
        self.position = nn.Parameter(torch.randn(1, 17, dim) * 0.02)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(
                dim, heads, 2 * dim, 0.1, "gelu", batch_first=True, norm_first=True
            )
            for _ in range(2)
        )
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x [N, 1, 8, 8] -> [N, 10]."""
        patches = self.stem(x).flatten(2).transpose(1, 2)  # [N, 16, dim]
        token = self.token.expand(x.shape[0], -1, -1)
        tokens = torch.cat([token, patches], 1) + self.position  # [N, 17, dim]
        for block in self.blocks:
            tokens = block(tokens)
        logits: torch.Tensor = self.head(self.norm(tokens[:, 0]))
        return logits


def augmented(x: torch.Tensor) -> torch.Tensor:
    """Images [N, 1, 8, 8] moved by up to one pixel, with a little noise."""
    padded = nn.functional.pad(x, (1, 1, 1, 1))
    dy, dx = (int(v) for v in torch.randint(0, 3, (2,)))
    moved = padded[:, :, dy : dy + 8, dx : dx + 8]
    keep = torch.rand(len(x), 1, 1, 1) < 0.5
    return torch.where(keep, x, moved) + 0.03 * torch.randn_like(x)


def digits() -> Data:
    """scikit-learn's digits in 0..1: a stratified split, 1,347 to train and 450 held out."""
    found = load_digits()
    images = (found.images / 16.0).astype(np.float32)[:, None]
    x, held_x, y, held_y = train_test_split(
        images, found.target, test_size=0.25, random_state=0, stratify=found.target
    )
    return Data(x, y, held_x, held_y)


def train_digits(data: Data, seed: int, epochs: int | None = None) -> DigitsViT:
    """A trained DigitsViT, in eval mode."""
    torch.manual_seed(seed)
    model = DigitsViT()
    fit(model, data.x, data.y, epochs or EPOCHS, augmented)
    return model


def main() -> None:
    """Train, export, write the samples, print the accuracies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--out", type=Path, default=OUT)
    options = parser.parse_args()
    data = digits()
    model = train_digits(data, options.seed, options.epochs)
    right = accuracy(model, data.held_x, data.held_y)
    print(f"held-out accuracy {right:.4f} over {len(data.held_y)} samples")
    options.out.mkdir(parents=True, exist_ok=True)
    path = options.out / "digits_vit.onnx"
    program = torch.onnx.export(
        model,
        (torch.from_numpy(data.held_x[:1]),),
        dynamo=True,
        opset_version=18,
        input_names=["x"],
        output_names=["logits"],
        verbose=False,
    )
    assert program is not None
    program.save(str(path), external_data=False)
    np.savez_compressed(options.out / "digits_calibration.npz", x=data.x[:128], y=data.y[:128])
    np.savez_compressed(options.out / "digits_test.npz", x=data.held_x, y=data.held_y)


if __name__ == "__main__":
    main()
