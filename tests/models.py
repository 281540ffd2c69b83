"""Small torch modules that the tests compile: every form of encoder that ``load`` must know.

All are built with fixed seeds and are in eval mode. Inputs have a batch of 1 in front.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  torch's own convention


def seeded(build: Callable[..., nn.Module], *args: Any, seed: int = 0, **kwargs: Any) -> nn.Module:
    """``build(...)`` with torch's generator seeded, norms made non-trivial, in eval mode."""
    torch.manual_seed(seed)
    module = build(*args, **kwargs)
    for part in module.modules():
        weight = getattr(part, "weight", None)
        if isinstance(part, nn.LayerNorm | nn.BatchNorm1d | nn.BatchNorm2d) and weight is not None:
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.uniform_(part.bias, -0.3, 0.3)
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d) and part.running_mean is not None:
            nn.init.uniform_(part.running_mean, -0.5, 0.5)
            assert part.running_var is not None
            nn.init.uniform_(part.running_var, 0.5, 2.0)
        if isinstance(part, nn.MultiheadAttention) and part.in_proj_bias is not None:
            nn.init.uniform_(part.in_proj_bias, -0.2, 0.2)
            nn.init.uniform_(part.out_proj.bias, -0.2, 0.2)
    return module.eval()


def encoder(
    d: int = 64,
    heads: int = 4,
    layers: int = 2,
    hidden: int = 128,
    norm_first: bool = True,
    activation: str = "gelu",
) -> nn.Module:
    """nn.TransformerEncoder for [1, S, d]; its layers differ (each is reset)."""
    layer = nn.TransformerEncoderLayer(
        d, heads, hidden, batch_first=True, norm_first=norm_first, activation=activation
    )
    stack = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
    for parameter in stack.parameters():
        if parameter.dim() > 1:
            nn.init.xavier_uniform_(parameter)
    return stack


class SelfAttention(nn.Module):
    """nn.MultiheadAttention of one input [1, S, d]; seq-first inside where ``batch_first`` is off.

    Further arguments are those of nn.MultiheadAttention.
    """

    def __init__(
        self,
        d: int = 32,
        heads: int = 4,
        need_weights: bool = False,
        batch_first: bool = True,
        causal: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(d, heads, batch_first=batch_first, **kwargs)
        self.need_weights, self.batch_first, self.causal = need_weights, batch_first, causal

    def forward(self, x: Tensor) -> Tensor:
        y = x if self.batch_first else x.transpose(0, 1)
        mask = nn.Transformer.generate_square_subsequent_mask(x.shape[1]) if self.causal else None
        y = self.attn(y, y, y, need_weights=self.need_weights, attn_mask=mask)[0]
        return y if self.batch_first else y.transpose(0, 1)  # type: ignore[no-any-return]


class CrossAttention(nn.Module):
    """Queries from x [1, S, d]; keys and values from every other row, of widths kdim and vdim."""

    def __init__(
        self,
        d: int = 32,
        heads: int = 4,
        kdim: int = 24,
        vdim: int = 20,
        need_weights: bool = False,
    ) -> None:
        super().__init__()
        self.to_key = nn.Linear(d, kdim)
        self.to_value = nn.Linear(d, vdim)
        self.attn = nn.MultiheadAttention(d, heads, kdim=kdim, vdim=vdim, batch_first=True)
        self.need_weights = need_weights

    def forward(self, x: Tensor) -> Tensor:
        memory = x[:, ::2]
        key, value = self.to_key(memory), self.to_value(memory)
        return self.attn(x, key, value, need_weights=self.need_weights)[0]  # type: ignore[no-any-return]


class TimmAttention(nn.Module):
    """timm's Attention: one qkv matrix, [B, N, 3, H, P] permuted and unbound; fused or explicit."""

    def __init__(
        self,
        d: int = 32,
        heads: int = 4,
        bias: bool = True,
        fused: bool = False,
        norm: bool = False,
    ) -> None:
        super().__init__()
        self.heads, self.fused = heads, fused
        self.scale = (d // heads) ** -0.5
        self.qkv = nn.Linear(d, 3 * d, bias=bias)
        self.q_norm = nn.LayerNorm(d // heads) if norm else nn.Identity()
        self.k_norm = nn.LayerNorm(d // heads) if norm else nn.Identity()
        self.proj = nn.Linear(d, d)

    def forward(self, x: Tensor) -> Tensor:
        b, n, c = x.shape
        qkv = self.qkv(x).reshape(b, n, 3, self.heads, c // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = qkv.unbind(0)
        q, k = self.q_norm(q), self.k_norm(k)
        if self.fused:
            y = F.scaled_dot_product_attention(q, k, v)
        else:
            y = ((q * self.scale) @ k.transpose(-2, -1)).softmax(dim=-1) @ v
        return self.proj(y.transpose(1, 2).reshape(b, n, c))  # type: ignore[no-any-return]


class TimmBlock(nn.Module):
    """A timm-style pre-norm block with layer scale: [1, S, d] -> [1, S, d]."""

    def __init__(self, d: int = 32, heads: int = 4, fused: bool = False) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(d), nn.LayerNorm(d)
        self.attn = TimmAttention(d, heads, fused=fused)
        self.ls1 = nn.Parameter(torch.rand(d) + 0.5)
        self.ls2 = nn.Parameter(torch.rand(d) + 0.5)
        self.mlp = nn.Sequential(nn.Linear(d, 2 * d), nn.GELU(), nn.Linear(2 * d, d))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.ls1 * self.attn(self.norm1(x))
        return x + self.ls2 * self.mlp(self.norm2(x))  # type: ignore[no-any-return]


class ChunkAttention(nn.Module):
    """qkv by chunk, heads by view, logits divided by sqrt(P), an optional mask added or filled."""

    def __init__(self, d: int = 32, heads: int = 4, mask: str = "", length: int = 9) -> None:
        super().__init__()
        self.heads, self.mask = heads, mask
        self.to_qkv = nn.Linear(d, 3 * d, bias=False)
        self.to_out = nn.Linear(d, d)
        self.register_buffer("bias", torch.randn(heads, length, length))
        self.register_buffer("keep", torch.rand(length, length) > 0.3)
        self.bias: Tensor
        self.keep: Tensor
        self.keep.fill_diagonal_(True)

    def forward(self, x: Tensor) -> Tensor:
        b, n, c = x.shape
        q, k, v = (
            t.view(b, n, self.heads, -1).transpose(1, 2) for t in self.to_qkv(x).chunk(3, dim=-1)
        )
        logits = torch.matmul(q, k.transpose(2, 3)) / math.sqrt(c // self.heads)
        if self.mask == "add":
            logits = logits + self.bias
        elif self.mask == "fill":
            logits = logits.masked_fill(~self.keep, float("-inf"))
        out = logits.softmax(-1) @ v
        return self.to_out(out.transpose(1, 2).reshape(b, n, c))  # type: ignore[no-any-return]


class SdpaAttention(nn.Module):
    """Separate q, k, v Linears and F.scaled_dot_product_attention; kv_heads < heads: grouped."""

    def __init__(
        self,
        d: int = 32,
        heads: int = 4,
        kv_heads: int | None = None,
        causal: bool = False,
        scale: float | None = None,
        mask: bool = False,
        length: int = 9,
    ) -> None:
        super().__init__()
        self.heads, self.kv_heads = heads, kv_heads or heads
        keep = torch.rand(length, length) > 0.3
        self.register_buffer("keep", keep.fill_diagonal_(True) if mask else None)
        self.keep: Tensor | None
        self.causal, self.scale = causal, scale
        width = d // heads * self.kv_heads
        self.q_proj, self.out_proj = nn.Linear(d, d), nn.Linear(d, d)
        self.k_proj, self.v_proj = nn.Linear(d, width), nn.Linear(d, width)

    def forward(self, x: Tensor) -> Tensor:
        b, n, c = x.shape
        q = self.q_proj(x).view(b, n, self.heads, -1).transpose(1, 2)
        k = self.k_proj(x).view(b, n, self.kv_heads, -1).transpose(1, 2)
        v = self.v_proj(x).view(b, n, self.kv_heads, -1).transpose(1, 2)
        group = self.heads // self.kv_heads
        k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
        y = F.scaled_dot_product_attention(
            q, k, v, attn_mask=self.keep, is_causal=self.causal, scale=self.scale
        )
        return self.out_proj(y.transpose(1, 2).reshape(b, n, c))  # type: ignore[no-any-return]


class EinsumAttention(nn.Module):
    """Separate Linears, products by einsum: [1, S, d] -> [1, S, d]."""

    def __init__(self, d: int = 32, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.q, self.k, self.v, self.o = (nn.Linear(d, d) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (f(x).unflatten(2, (self.heads, -1)) for f in (self.q, self.k, self.v))
        logits = torch.einsum("bihd,bjhd->bhij", q, k) / math.sqrt(q.shape[-1])
        y = torch.einsum("bhij,bjhd->bihd", logits.softmax(-1), v)
        return self.o(y.flatten(2))  # type: ignore[no-any-return]


class InterleavedAttention(nn.Module):
    """One matrix with the heads outside q, k, v, as in GPT-NeoX; sqrt(scale) on both q and k."""

    def __init__(self, d: int = 32, heads: int = 4) -> None:
        super().__init__()
        self.heads = heads
        self.joint, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d)

    def forward(self, x: Tensor) -> Tensor:
        b, n, c = x.shape
        p = c // self.heads
        parts = self.joint(x).view(b, n, self.heads, 3 * p).split(p, -1)
        q, k, v = (t.permute(0, 2, 1, 3) for t in parts)
        logits = (q * p**-0.25) @ (k * p**-0.25).transpose(-1, -2)
        y = logits.softmax(-1).matmul(v).permute(0, 2, 1, 3)
        return self.out(y.contiguous().view(b, n, c))  # type: ignore[no-any-return]


class VisionTransformer(nn.Module):
    """Conv patches, class token, positions, encoder, norm, head: [1, C, W, W] -> [1, N]."""

    def __init__(
        self, channels: int = 1, image: int = 8, patch: int = 2, d: int = 32, classes: int = 10
    ) -> None:
        super().__init__()
        self.patch = nn.Conv2d(channels, d, patch, stride=patch)
        self.cls = nn.Parameter(torch.randn(1, 1, d) * 0.2)
        self.pos = nn.Parameter(torch.randn(1, (image // patch) ** 2 + 1, d) * 0.2)
        self.encoder = encoder(d, 4, 1, 2 * d)
        self.norm = nn.LayerNorm(d)
        self.head = nn.Linear(d, classes)

    def forward(self, x: Tensor) -> Tensor:
        y = self.patch(x).flatten(2).transpose(1, 2)
        y = torch.cat([self.cls.expand(x.shape[0], -1, -1), y], dim=1) + self.pos
        return self.head(self.norm(self.encoder(y))[:, 0])  # type: ignore[no-any-return]


class TextClassifier(nn.Module):
    """Token and position embeddings, post-norm encoder, mean over tokens: int [1, S] -> [1, N]."""

    def __init__(self, vocabulary: int = 50, length: int = 12, d: int = 32) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, d)
        self.positions = nn.Embedding(length, d)
        self.encoder = encoder(d, 4, 1, 2 * d, norm_first=False, activation="relu")
        self.head = nn.Linear(d, 3)

    def forward(self, tokens: Tensor) -> Tensor:
        places = torch.arange(tokens.shape[1])
        x = self.tokens(tokens) * math.sqrt(self.tokens.embedding_dim) + self.positions(places)
        return self.head(self.encoder(x).mean(dim=1))  # type: ignore[no-any-return]


def conv_stem_2d() -> nn.Module:
    """Conv + BatchNorm, depthwise, padded, pooled: [1, 3, 16, 16] -> [1, 5]."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(8),
        nn.ReLU6(),
        nn.ZeroPad2d((1, 2, 1, 2)),
        nn.Conv2d(8, 8, 3, groups=8, dilation=2),
        nn.BatchNorm2d(8),
        nn.Hardswish(),
        nn.Conv2d(8, 16, 1, groups=2),
        nn.SiLU(),
        nn.MaxPool2d(3, 2, padding=1),
        nn.AvgPool2d(2, 1),
        nn.AdaptiveAvgPool2d((1, 1)),
        nn.Flatten(),
        nn.Linear(16, 5),
    )


class LargeMaps(nn.Module):
    """Maps that are eight times as large as the input: [1, 1, S, S] -> [1, 5]."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3, padding=1)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.wide = nn.Conv2d(8, 16, 3, stride=2, padding=1)
        self.point = nn.Conv2d(16, 16, 1)
        self.head = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.stem(x))
        y = F.avg_pool2d(y + F.relu(self.depthwise(y)), 2)
        y = F.relu(self.wide(y))
        y = y + F.gelu(self.point(y))
        return self.head(y.mean(dim=(2, 3)))  # type: ignore[no-any-return]


def conv_stem_1d() -> nn.Module:
    """A keyword-spotting front: [1, 4, 40] -> [1, 8, 10]."""
    return nn.Sequential(
        nn.BatchNorm1d(4),
        nn.Conv1d(4, 8, 5, stride=2, padding=2),
        nn.BatchNorm1d(8),
        nn.GELU(approximate="tanh"),
        nn.Conv1d(8, 8, 3, padding="same", groups=8),
        nn.Hardsigmoid(),
        nn.MaxPool1d(2),
    )


class Activations(nn.Module):
    """Every activation in turn, some written out by hand: [1, S, d] -> [1, S, d]."""

    def __init__(self, d: int = 16) -> None:
        super().__init__()
        self.parts = nn.ModuleList(nn.Linear(d, d) for _ in range(11))

    def forward(self, x: Tensor) -> Tensor:
        functions: list[Callable[[Tensor], Tensor]] = [
            lambda t: t * torch.sigmoid(1.702 * t),
            F.relu,
            F.relu6,
            F.silu,
            torch.tanh,
            torch.sigmoid,
            F.hardswish,
            F.hardsigmoid,
            F.gelu,
            lambda t: 0.5 * t * (1 + torch.erf(t / math.sqrt(2))),
            lambda t: 0.5 * t * (1 + torch.tanh(math.sqrt(2 / math.pi) * (t + 0.044715 * t**3))),
        ]
        for part, function in zip(self.parts, functions, strict=True):
            x = function(part(x) * 2)
        return x


class HandNorm(nn.Module):
    """LayerNorm and RMSNorm written out: [1, S, d] -> [1, S, d]."""

    def __init__(self, d: int = 16) -> None:
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.rand(d) + 0.5), nn.Parameter(torch.randn(d))
        self.scale = nn.Parameter(torch.rand(d) + 0.5)
        self.linear = nn.Linear(d, d)

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(-1, keepdim=True)
        deviation = (centred.pow(2).mean(-1, keepdim=True) + 1e-5).sqrt()
        x = self.linear(centred / deviation * self.gamma + self.beta)
        return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-6) * self.scale


class GatedMlp(nn.Module):
    """SwiGLU with one joint matrix: chunk, silu, product: [1, S, d] -> [1, S, d]."""

    def __init__(self, d: int = 16) -> None:
        super().__init__()
        self.joint, self.out = nn.Linear(d, 4 * d), nn.Linear(2 * d, d)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.joint(x).chunk(2, dim=-1)
        return x + self.out(F.silu(gate) * value)  # type: ignore[no-any-return]


class TokensAndRows(nn.Module):
    """Tokens [1, 6] and rows [1, 6, 8] to the largest place [1] and states [1, 16]."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.rows = nn.Embedding(20, 16), nn.Linear(8, 16)

    def forward(self, tokens: Tensor, rows: Tensor) -> dict[str, Tensor]:
        states = (self.embed(tokens) + self.rows(rows)).mean(1)
        return {"place": states.argmax(-1), "states": states}
