"""Train the keyword transformer KWT-1 as it is published, on spoken digits.

- Structure (Berg, O'Connor, Cruz: "Keyword Transformer", 2021): MFCC of 98 frames by 40, one
  Linear to 64, a class token, learnt positions, 12 post-norm blocks of one head of 64 and a hidden
  width of 256, GELU, head on the class token. The coefficients go in as they are: the first is
  tens of times as large as the others.
- Data: the Free Spoken Digit Dataset (Z. Jackson and others, CC BY-SA 4.0), 3,000 recordings of
  8 kHz by six speakers. Speaker 6 is held out and chooses nothing. A recording is one second: cut
  at its end, or filled with silence: of zeros, or of noise of one step of 16 bits ("dither").

    python models/train_keywords.py ARCHIVE.tar.xz --seed 0 --out trained/
"""

import argparse
import io
import tarfile
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from scipy.fft import dct  # type: ignore[import-untyped]
from scipy.io import wavfile  # type: ignore[import-untyped]
from torch import nn

from training import Array, Data, accuracy, fit

Silence = Literal["zeros", "dither"]
RATE, WINDOW, HOP, FFT = 8000, 240, 80, 256
FRAMES, COEFFICIENTS = 98, 40
FLOOR = 1e-12
HELD_OUT = "speaker6"
EPOCHS, WARMUP, PEAK = 12, 2, 7e-4


class KeywordTransformer(nn.Module):
    """[N, frames, coefficients] -> logits [N, classes]."""

    def __init__(self, classes: int = 10, width: int = 64, depth: int = 12) -> None:
        super().__init__()
        self.stem = nn.Linear(COEFFICIENTS, width)
        self.token = nn.Parameter(torch.randn(1, 1, width) * 0.02)
        self.position = nn.Parameter(torch.randn(1, FRAMES + 1, width) * 0.02)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(width, 1, 4 * width, 0.1, "gelu", batch_first=True)
            for _ in range(depth)
        )
        self.head = nn.Linear(width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x [N, frames, coefficients] -> [N, classes]."""
        tokens = self.stem(x)  # [N, frames, width]
        tokens = torch.cat([self.token.expand(len(x), -1, -1), tokens], 1) + self.position
        for block in self.blocks:
            tokens = block(tokens)
        logits: torch.Tensor = self.head(tokens[:, 0])
        return logits


def _filters() -> Array:
    """40 triangles of equal width in mel over 20 to 4000 Hz: [FFT / 2 + 1, 40]."""
    low, high = (2595.0 * np.log10(1.0 + f / 700.0) for f in (20.0, 4000.0))
    mel = np.linspace(low, high, COEFFICIENTS + 2)
    edges = 700.0 * (10.0 ** (mel / 2595.0) - 1.0)
    bins = np.arange(FFT // 2 + 1) * RATE / FFT
    rise = (bins[:, None] - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - bins[:, None]) / (edges[2:] - edges[1:-1])
    return np.asarray(np.maximum(np.minimum(rise, fall), 0.0))


def mfcc(audio: Array) -> Array:
    """Audio [N, RATE] of -1 to 1 -> float32 [N, FRAMES, COEFFICIENTS]."""
    frames = np.lib.stride_tricks.sliding_window_view(audio, WINDOW, axis=1)[:, ::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(WINDOW), FFT)) ** 2
    mels = np.log(np.maximum(power @ _filters(), FLOOR))
    return np.asarray(dct(mels, norm="ortho"), np.float32)


def recordings(archive: Path) -> tuple[list[Array], Array, list[str]]:
    """Audio int16 of each file in the order of their names, the digits, the speakers."""
    audio, digits, speakers = [], [], []
    with tarfile.open(archive) as tar:
        files = [m for m in tar.getmembers() if m.name.endswith(".wav")]
        for member in sorted(files, key=lambda m: m.name):
            file = tar.extractfile(member)
            assert file is not None
            rate, data = wavfile.read(io.BytesIO(file.read()))
            assert rate == RATE
            digit, speaker, _ = Path(member.name).stem.split("_")
            audio.append(data)
            digits.append(int(digit))
            speakers.append(speaker)
    return audio, np.array(digits), speakers


def seconds(audio: list[Array], silence: Silence, seed: int = 0) -> Array:
    """Recordings as one second each, float64 [N, RATE] of -1 to 1."""
    rng = np.random.default_rng(seed)
    filled = np.stack([np.pad(a[:RATE], (0, max(RATE - len(a), 0))) for a in audio]) / 32768.0
    if silence == "dither":
        filled = filled + rng.uniform(-1.0, 1.0, filled.shape) / 32768.0
    return filled


def keywords(archive: Path, silence: Silence) -> Data:
    """MFCC of the five speakers to train on, and of the one who is held out."""
    audio, digits, speakers = recordings(archive)
    x = mfcc(seconds(audio, silence))
    held = np.array([s == HELD_OUT for s in speakers])
    return Data(x[~held], digits[~held], x[held], digits[held])


def moved(x: torch.Tensor) -> torch.Tensor:
    """MFCC [N, F, C]: shifted by up to 10 frames, a little noise, of which c0 takes more."""
    shifts = torch.randint(-10, 11, (len(x),))
    rows = (torch.arange(FRAMES)[None] - shifts[:, None]).clamp(0, FRAMES - 1)
    x = torch.gather(x, 1, rows[..., None].expand_as(x))
    noise = torch.randn_like(x)
    noise[:, :, 0] += 4.0 * torch.randn(len(x), 1)
    return x + 0.5 * noise


def train_keywords(
    zeros: Data, dither: Data, seed: int, epochs: int = EPOCHS
) -> KeywordTransformer:
    """A transformer trained on both kinds of silence, in eval mode."""
    torch.manual_seed(seed)
    model = KeywordTransformer()
    x, y = np.concatenate([zeros.x, dither.x]), np.concatenate([zeros.y, dither.y])
    fit(model, x, y, epochs, moved, 64, PEAK, min(WARMUP, epochs - 1))
    return model


def main() -> None:
    """Train, print the held-out accuracy of both kinds of silence, write the weights."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    zeros, dither = (keywords(options.archive, kind) for kind in ("zeros", "dither"))
    model = train_keywords(zeros, dither, options.seed, options.epochs)
    for kind, data in (("zeros", zeros), ("dither", dither)):
        right = accuracy(model, data.held_x, data.held_y)
        print(f"silence of {kind}: held-out accuracy {right:.4f} over {len(data.held_y)} samples")
    options.out.mkdir(parents=True, exist_ok=True)
    torch.save(model.state_dict(), options.out / f"keywords-{options.seed}.pt")


if __name__ == "__main__":
    main()
