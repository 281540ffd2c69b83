"""Whole small networks, as their papers build them: what ``load`` must take from end to end.

All take a batch of 1 in front. Weights are random, from the generator that the caller seeds.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  torch's own convention

from tests.models import TimmBlock, encoder


class CompactConvolutional(nn.Module):
    """CCT (Hassani et al., 2021): conv stem, encoder, sequence pooling: [1, 3, W, W] -> [1, N]."""

    def __init__(self, d: int = 32, image: int = 16, classes: int = 10, layers: int = 2) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, d, 3, padding=1, bias=False), nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        )
        self.positions = nn.Parameter(torch.randn(1, (image // 2) ** 2, d) * 0.2)
        self.blocks = nn.Sequential(*(TimmBlock(d, 4) for _ in range(layers)))
        self.norm, self.pool = nn.LayerNorm(d), nn.Linear(d, 1)
        self.head = nn.Linear(d, classes)

    def forward(self, x: Tensor) -> Tensor:
        y = self.stem(x).flatten(2).transpose(1, 2) + self.positions
        y = self.norm(self.blocks(y))
        weights = F.softmax(self.pool(y), dim=1).transpose(-1, -2)  # [1, 1, S]
        return self.head(torch.matmul(weights, y).squeeze(-2))  # type: ignore[no-any-return]


class WindowAttention(nn.Module):
    """Swin's attention in windows with a relative-position bias and, if shifted, a mask."""

    def __init__(self, d: int, heads: int, window: int, size: int, shift: int) -> None:
        super().__init__()
        self.heads, self.window, self.size, self.shift = heads, window, size, shift
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)
        self.table = nn.Parameter(torch.randn((2 * window - 1) ** 2, heads) * 0.5)
        at = torch.stack(torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij"))
        flat = at.flatten(1)
        relative = (flat[:, :, None] - flat[:, None, :]).permute(1, 2, 0) + window - 1
        index = relative[..., 0] * (2 * window - 1) + relative[..., 1]
        self.register_buffer("index", index)
        self.register_buffer("mask", self._shift_mask() if shift else None)
        self.index: Tensor
        self.mask: Tensor | None

    def _shift_mask(self) -> Tensor:
        regions = torch.zeros(1, self.size, self.size, 1)
        cuts = (
            slice(0, -self.window),
            slice(-self.window, -self.shift),
            slice(-self.shift, None),
        )
        for number, (rows, columns) in enumerate((a, b) for a in cuts for b in cuts):
            regions[:, rows, columns] = number
        windows = self.split(regions).squeeze(-1)  # [nW, M^2]
        unlike = windows[:, None] - windows[:, :, None]
        return unlike.masked_fill(unlike != 0, -100.0)

    def split(self, x: Tensor) -> Tensor:
        """[1, H, W, C] -> [nW, M^2, C]."""
        b, h, w, c = x.shape
        m = self.window
        y = x.view(b, h // m, m, w // m, m, c).permute(0, 1, 3, 2, 4, 5)
        return y.contiguous().view(-1, m * m, c)

    def join(self, y: Tensor) -> Tensor:
        """[nW, M^2, C] -> [1, H, W, C]."""
        m, n = self.window, self.size // self.window
        y = y.view(1, n, n, m, m, -1).permute(0, 1, 3, 2, 4, 5)
        return y.contiguous().view(1, self.size, self.size, -1)

    def forward(self, x: Tensor) -> Tensor:
        if self.shift:
            x = torch.roll(x, (-self.shift, -self.shift), (1, 2))
        windows = self.split(x)
        n, rows, d = windows.shape
        qkv = self.qkv(windows).reshape(n, rows, 3, self.heads, d // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        logits = (q * (d // self.heads) ** -0.5) @ k.transpose(-2, -1)
        bias = self.table[self.index.view(-1)].view(rows, rows, -1).permute(2, 0, 1)
        logits = logits + bias.unsqueeze(0)
        if self.mask is not None:
            logits = logits.view(1, n, self.heads, rows, rows) + self.mask[None, :, None]
            logits = logits.view(-1, self.heads, rows, rows)
        y = (logits.softmax(-1) @ v).transpose(1, 2).reshape(n, rows, d)
        y = self.join(self.proj(y))
        return torch.roll(y, (self.shift, self.shift), (1, 2)) if self.shift else y


class SwinBlock(nn.Module):
    """Windowed attention and MLP on [1, H, W, C]."""

    def __init__(self, d: int, heads: int, window: int, size: int, shift: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.attn = WindowAttention(d, heads, window, size, shift)
        self.mlp = nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))  # type: ignore[no-any-return]


class TinySwin(nn.Module):
    """Swin-like TinyViT: conv stem, shifted windows, patch merging: [1, 3, 32, 32] -> [1, N]."""

    def __init__(self, d: int = 16, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, d // 2, 3, 2, 1, bias=False),
            nn.BatchNorm2d(d // 2),
            nn.GELU(),
            nn.Conv2d(d // 2, d, 3, 2, 1, bias=False),
            nn.BatchNorm2d(d),
        )
        self.first = nn.Sequential(SwinBlock(d, 2, 4, 8, 0), SwinBlock(d, 2, 4, 8, 2))
        self.merge_norm, self.merge = nn.LayerNorm(4 * d), nn.Linear(4 * d, 2 * d, bias=False)
        self.second = SwinBlock(2 * d, 4, 4, 4, 0)
        self.norm, self.head = nn.LayerNorm(2 * d), nn.Linear(2 * d, classes)

    def forward(self, x: Tensor) -> Tensor:
        y = self.first(self.stem(x).permute(0, 2, 3, 1))
        parts = [y[:, i::2, j::2] for j in (0, 1) for i in (0, 1)]
        y = self.merge(self.merge_norm(torch.cat(parts, -1)))
        y = self.norm(self.second(y))
        return self.head(y.mean((1, 2)))  # type: ignore[no-any-return]


class InvertedResidual(nn.Module):
    """MobileNetV2's block: [1, C, H, W] -> [1, D, H / stride, W / stride]."""

    def __init__(self, c: int, d: int, stride: int = 1) -> None:
        super().__init__()
        self.residual = stride == 1 and c == d
        self.body = nn.Sequential(
            *(nn.Conv2d(c, 2 * c, 1, bias=False), nn.BatchNorm2d(2 * c), nn.SiLU()),
            nn.Conv2d(2 * c, 2 * c, 3, stride, 1, groups=2 * c, bias=False),
            *(nn.BatchNorm2d(2 * c), nn.SiLU()),
            *(nn.Conv2d(2 * c, d, 1, bias=False), nn.BatchNorm2d(d)),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x) if self.residual else self.body(x)  # type: ignore[no-any-return]


class MobileVitBlock(nn.Module):
    """MobileViT (Mehta and Rastegari, 2021): unfold, attend across patches, fold: [1, C, H, W]."""

    def __init__(self, c: int, d: int, patch: int = 2) -> None:
        super().__init__()
        self.patch = patch
        self.local = nn.Sequential(nn.Conv2d(c, c, 3, 1, 1), nn.SiLU(), nn.Conv2d(c, d, 1))
        self.blocks, self.norm = TimmBlock(d, 4), nn.LayerNorm(d)
        self.proj, self.fuse = nn.Conv2d(d, c, 1), nn.Conv2d(2 * c, c, 3, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.local(x)
        b, d, h, w = y.shape
        p = self.patch
        y = y.reshape(b * d * (h // p), p, w // p, p).transpose(1, 2)
        y = y.reshape(b, d, (h // p) * (w // p), p * p).transpose(1, 3)  # [1, P, N, D]
        y = self.norm(self.blocks(y.reshape(b * p * p, -1, d)))
        y = y.contiguous().view(b, p * p, (h // p) * (w // p), d).transpose(1, 3)
        y = y.reshape(b * d * (h // p), w // p, p, p).transpose(1, 2).reshape(b, d, h, w)
        return self.fuse(torch.cat((x, self.proj(y)), 1))  # type: ignore[no-any-return]


class MobileVit(nn.Module):
    """A MobileViT-like net: [1, 3, 16, 16] -> [1, N]."""

    def __init__(self, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8), nn.SiLU()
        )
        self.body = nn.Sequential(
            InvertedResidual(8, 8), InvertedResidual(8, 16, 2), MobileVitBlock(16, 24)
        )
        self.head = nn.Linear(16, classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(self.stem(x)).mean((2, 3)))  # type: ignore[no-any-return]


class Bert(nn.Module):
    """A BERT-like encoder of token indices that masks padding (token 0) ... at fixed places.

    The mask is a buffer: the last ``padding`` positions of the sequence are left out.
    """

    def __init__(
        self, vocabulary: int = 40, length: int = 12, d: int = 32, padding: int = 3
    ) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(vocabulary, d), nn.Embedding(length, d)
        self.kinds = nn.Embedding(2, d)
        self.norm = nn.LayerNorm(d, eps=1e-12)
        self.encoder = encoder(d, 4, 2, 2 * d, norm_first=False)
        self.pooler, self.head = nn.Linear(d, d), nn.Linear(d, 3)
        keep = torch.ones(length)
        keep[length - padding :] = 0
        self.register_buffer("mask", (1 - keep)[None, :].expand(length, length) * -10000.0)
        self.mask: Tensor

    def forward(self, tokens: Tensor) -> Tensor:
        places = torch.arange(tokens.shape[1])[None]
        x = self.words(tokens) + self.places(places) + self.kinds(torch.zeros_like(places))
        y = self.encoder(self.norm(x), mask=self.mask, is_causal=False)
        return self.head(torch.tanh(self.pooler(y[:, 0])))  # type: ignore[no-any-return]


class LinearAttention(nn.Module):
    """relu(Q) (relu(K)^T V) / N, as EfficientViT and cosFormer have it without a division a row."""

    def __init__(self, d: int = 32, heads: int = 4, length: int = 9) -> None:
        super().__init__()
        self.heads, self.length = heads, length
        self.q, self.k, self.v, self.out = (nn.Linear(d, d) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        b, n, d = x.shape
        q, k, v = (
            f(x).view(b, n, self.heads, d // self.heads).transpose(1, 2)
            for f in (self.q, self.k, self.v)
        )
        context = F.relu(k).transpose(-2, -1) @ v / self.length
        y = F.relu(q) @ context
        return self.out(y.transpose(1, 2).reshape(b, n, d))  # type: ignore[no-any-return]


class NormalisedLinearAttention(nn.Module):
    """Q' (K'^T V) / (Q' sum K') with Q' = softmax(Q), K' = softmax over tokens (Shen et al.)."""

    def __init__(self, d: int = 32, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)

    def forward(self, x: Tensor) -> Tensor:
        b, n, d = x.shape
        qkv = self.qkv(x).view(b, n, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        context = k.softmax(-2).transpose(-2, -1) @ v
        y = (q.softmax(-1) @ context).transpose(1, 2).reshape(b, n, d)
        return self.out(y)  # type: ignore[no-any-return]


class RmsNorm(nn.Module):
    """LLaMA's own RMSNorm, written out."""

    def __init__(self, d: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.rand(d) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return self.scale * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))


class RotaryAttention(nn.Module):
    """LLaMA's attention: rotary embedding, grouped heads, causal; RMSNorm and SwiGLU around it."""

    def __init__(self, d: int = 32, heads: int = 4, kv_heads: int = 2, length: int = 9) -> None:
        super().__init__()
        self.heads, self.kv_heads, self.p = heads, kv_heads, d // heads
        self.norm1, self.norm2 = RmsNorm(d), RmsNorm(d)
        self.q, self.o = nn.Linear(d, d, bias=False), nn.Linear(d, d, bias=False)
        self.k, self.v = (nn.Linear(d, kv_heads * self.p, bias=False) for _ in range(2))
        self.gate, self.up = (nn.Linear(d, 2 * d, bias=False) for _ in range(2))
        self.down = nn.Linear(2 * d, d, bias=False)
        speed = 1.0 / (100.0 ** (torch.arange(0, self.p, 2) / self.p))
        angle = torch.outer(torch.arange(length).float(), speed)
        angle = torch.cat((angle, angle), -1)
        self.register_buffer("cos", angle.cos())
        self.register_buffer("sin", angle.sin())
        self.cos: Tensor
        self.sin: Tensor

    def turned(self, x: Tensor) -> Tensor:
        """Rotary position embedding of [1, H, S, P], halves rotated."""
        half = self.p // 2
        swapped = torch.cat((-x[..., half:], x[..., :half]), -1)
        return x * self.cos + swapped * self.sin

    def forward(self, x: Tensor) -> Tensor:
        b, n, d = x.shape
        y = self.norm1(x)
        q = self.q(y).view(b, n, self.heads, self.p).transpose(1, 2)
        k = self.k(y).view(b, n, self.kv_heads, self.p).transpose(1, 2)
        v = self.v(y).view(b, n, self.kv_heads, self.p).transpose(1, 2)
        group = self.heads // self.kv_heads
        q, k = self.turned(q), self.turned(k)
        k, v = (
            t[:, :, None].expand(b, self.kv_heads, group, n, self.p).reshape(b, -1, n, self.p)
            for t in (k, v)
        )
        mask = torch.full((n, n), float("-inf")).triu(1)
        p = (q @ k.transpose(2, 3) / math.sqrt(self.p) + mask).softmax(-1)
        x = x + self.o((p @ v).transpose(1, 2).reshape(b, n, d))
        y = self.norm2(x)
        return x + self.down(F.silu(self.gate(y)) * self.up(y))  # type: ignore[no-any-return]


class MultiQueryAttention(nn.Module):
    """One key and value head for all query heads (Shazeer, 2019), by einsum."""

    def __init__(self, d: int = 32, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.kv, self.out = nn.Linear(d, d), nn.Linear(d, 2 * (d // heads)), nn.Linear(d, d)

    def forward(self, x: Tensor) -> Tensor:
        q = self.q(x).unflatten(2, (self.heads, -1))
        k, v = self.kv(x).chunk(2, -1)
        p = (torch.einsum("bihd,bjd->bhij", q, k) / math.sqrt(q.shape[-1])).softmax(-1)
        return self.out(torch.einsum("bhij,bjd->bihd", p, v).flatten(2))  # type: ignore[no-any-return]
