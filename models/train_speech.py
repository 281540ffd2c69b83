"""Train the transformer of ``microformer demo speech`` on recorded digits, speakers held out.

- Data: the Free Spoken Digit Dataset (Z. Jackson and others, CC BY-SA 4.0), 3,000 recordings by six
  speakers, read where they lie. What ships is the weights, which are ours.
- Features: equation (18), in float while training; what the device makes of the samples is measured
  beside them.
- Each of six folds holds one speaker out, who chooses nothing. Sizes, epochs and variations were
  chosen with speaker 1 held out of the five others of fold 6.

    python models/train_speech.py DIR --seeds 0 1 2 --json table.json   # the table
    python models/train_speech.py DIR --pack src/microformer/demo       # what ships, fold 6
"""

import argparse
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

import microformer
from microformer.demo.speech import FRAMES, SPEC, Words, fingerprint, read_words, word
from microformer.pipeline.front import as_input
from packing import pack_network
from training import Array, accuracy

SPEEDS = np.exp(np.linspace(-0.22, 0.22, 9))
"""A recording read faster or slower: another voice, as pitch and formants move along."""
QUIET = (SPEC.floor - SPEC.offset) / SPEC.unit
"""The network's input where there is nothing."""
COLOUR = 0.35
"""How unlike each other microphones are: deviation of each of six waves along the bands."""
EPOCHS, BATCH, RATE, DECAY, WARM = 60, 64, 2e-3, 0.05, 150
CALIBRATION = 128


class Block(nn.Module):
    """Pre-norm encoder layer."""

    def __init__(self, width: int, heads: int, hidden: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.feed = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x [N, S, E] -> [N, S, E]."""
        y = self.norm(x)
        x = x + self.dropout(self.attention(y, y, y, need_weights=False)[0])
        return x + self.dropout(self.feed(x))  # type: ignore[no-any-return]


class SpeechTransformer(nn.Module):
    """Features [N, 48, 32] to logits [N, 10]: two convolutions make 24 tokens."""

    def __init__(
        self, width: int = 32, heads: int = 4, hidden: int = 64, depth: int = 3, drop: float = 0.1
    ) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3, stride=2, padding=1)
        self.second = nn.Conv2d(8, 16, 3, stride=(1, 2), padding=1)
        self.embed = nn.Linear(16 * SPEC.mels // 4, width)
        self.position = nn.Parameter(0.02 * torch.randn(1, FRAMES // 2, width))
        self.blocks = nn.ModuleList(Block(width, heads, hidden, drop) for _ in range(depth))
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(drop)
        self.head = nn.Linear(width, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """x [N, 48, 32] -> [N, 10]."""
        y = torch.relu(self.first(x[:, None]))  # [N, 8, 24, 16]
        y = torch.relu(self.second(y))  # [N, 16, 24, 8]
        y = self.embed(y.permute(0, 2, 3, 1).flatten(2)) + self.position  # [N, 24, E]
        for block in self.blocks:
            y = block(y)
        logits: torch.Tensor = self.head(self.dropout(self.norm(y).mean(1)))
        return logits


@dataclass(frozen=True, eq=False)
class Voices:
    """Windows [N, 48, 256] int16, features [speeds, N, 48, 32], digits and speakers [N]."""

    windows: Array
    features: Array
    y: Array
    speakers: Array


def voices(words: Words) -> Voices:
    """Everything that training reads, made once."""
    speeds = []
    for speed in SPEEDS:
        made = [SPEC.windows(word(_read(audio, speed))) for audio in words.audio]
        parts = [SPEC.inputs(np.stack(made[i : i + 256])) for i in range(0, len(made), 256)]
        speeds.append(np.concatenate(parts))
    return Voices(words.windows(), np.stack(speeds), words.y, np.array(words.speakers))


def _read(audio: Array, speed: float) -> Array:
    at = np.arange(int((len(audio) - 1) / speed)) * speed
    return np.asarray(np.rint(np.interp(at, np.arange(len(audio)), audio)), np.int16)


def _varied(data: Voices, chosen: Array, random: np.random.Generator) -> Array:
    """Features [B, 48, 32] of another speed, place, loudness, colour and room; parts are hidden."""
    x = data.features[random.integers(0, len(SPEEDS), len(chosen)), chosen].copy()
    tilt = np.linspace(-1, 1, SPEC.mels, dtype=np.float32)
    number = np.arange(1, 7)
    waves = np.cos(np.pi * np.outer(number, (tilt + 1) / 2)) / np.sqrt(number)[:, None]
    for one in x:
        by = int(random.integers(-2, 14))
        one[:] = np.roll(one, by, axis=0)
        if by > 0:
            one[:by] = QUIET
        one[:] = np.roll(one, int(random.integers(-2, 3)), axis=1)
        colour = random.normal(0, 0.8) + random.normal(0, COLOUR, 6) @ waves
        one[:] = np.maximum(one + np.where(one > QUIET, colour, 0), QUIET)
        if random.random() < 0.7:  # a room that is never quite still
            room = random.uniform(QUIET - 0.5, 0.0) + random.normal(0, 0.3) * tilt
            one[:] = np.maximum(one, room + random.normal(0, 0.15, one.shape))
        for axis, most in ((0, 6), (1, 6)):
            size = int(random.integers(0, most + 1))
            begin = int(random.integers(0, one.shape[axis] - size + 1))
            hidden = slice(begin, begin + size)
            one[(hidden, slice(None)) if axis == 0 else (slice(None), hidden)] = QUIET
    return np.maximum(x, np.float32(QUIET))


def train(data: Voices, known: Array, seed: int) -> SpeechTransformer:
    """A network trained on the recordings ``known``; the same seed gives the same weights."""
    torch.manual_seed(seed)
    random = np.random.Generator(np.random.PCG64(seed))
    network = SpeechTransformer()
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=DECAY)
    steps = len(known) // BATCH * EPOCHS
    step = 0
    network.train()
    for _ in range(EPOCHS):
        order = random.permutation(known)
        for begin in range(0, len(known) // BATCH * BATCH, BATCH):
            chosen = order[begin : begin + BATCH]
            x = torch.from_numpy(_varied(data, chosen, random))
            rate = RATE * min(1.0, (step + 1) / WARM)
            for group in optimizer.param_groups:
                group["lr"] = rate * (0.5 + 0.5 * math.cos(math.pi * step / steps))
            step += 1
            loss = nn.functional.cross_entropy(
                network(x), torch.from_numpy(data.y[chosen]), label_smoothing=0.1
            )
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
    return network.eval()


def samples(data: Voices, known: Array) -> Array:
    """Features to calibrate with, spread over the recordings that were trained on."""
    plain = data.features[len(SPEEDS) // 2]
    return np.asarray(plain[known[np.linspace(0, len(known) - 1, CALIBRATION).astype(int)]])


def measure(data: Voices, network: nn.Module, known: Array, held: Array) -> dict[str, float]:
    """Shares right of the held-out recordings, by arithmetic and by where features are made."""
    compiled = microformer.compile(network, samples(data, known), "host", front=SPEC)
    x, y = data.features[len(SPEEDS) // 2][held], data.y[held]
    device = as_input(compiled, data.windows[held])

    def int8(values: Array) -> float:
        return float((microformer.predict(compiled, values).argmax(1) == y).mean())

    return {
        "float": accuracy(network, x, y),
        "float, device's features": accuracy(network, device, y),
        "int8": int8(x),
        "int8, device's features": int8(device),
    }


def table(data: Voices, seeds: list[int]) -> dict[str, Any]:
    """Each speaker held out once, each seed."""
    rows = []
    for speaker in sorted(set(data.speakers)):
        held = np.flatnonzero(data.speakers == speaker)
        known = np.flatnonzero(data.speakers != speaker)
        for seed in seeds:
            found = measure(data, train(data, known, seed), known, held)
            rows.append({"speaker": str(speaker), "seed": seed} | found)
            print(json.dumps(rows[-1]), flush=True)
    kinds = [key for key in rows[0] if key not in ("speaker", "seed")]
    means = {kind: float(np.mean([row[kind] for row in rows])) for kind in kinds}
    return {"recordings": len(data.y), "rows": rows, "means": means}


def pack(data: Voices, words: Words, out: Path) -> None:
    """Fold 6, seed 0: the float model, its int8 graph, and whom it has not heard."""
    speaker = max(set(data.speakers))
    held = np.flatnonzero(data.speakers == speaker)
    known = np.flatnonzero(data.speakers != speaker)
    network = train(data, known, 0)
    pack_network(network, samples(data, known), out, "speech", "features")
    unheard = np.array([fingerprint(words.audio[i]) for i in held], np.uint64)
    np.savez_compressed(out / "speech_unheard.npz", unheard=np.sort(unheard))
    print(json.dumps(measure(data, network, known, held)))


def main() -> None:
    """Train, measure, pack."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--json", type=Path)
    parser.add_argument("--pack", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    words = read_words(options.folder)
    data = voices(words)
    if options.pack:
        pack(data, words, options.pack)
        return
    found = table(data, options.seeds)
    print(json.dumps(found["means"]))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
