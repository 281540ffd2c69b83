"""Networks of ``transformers`` for images, sound and time series, small and of random weights."""

from collections.abc import Callable
from functools import partial
from typing import Any

import transformers as tf
from torch import Tensor, nn
from transformers.models.whisper.modeling_whisper import WhisperEncoder

IMAGE = 32


class First(nn.Module):
    """The first output of a transformers model: float [1, ...] -> [1, ...]."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x, return_dict=False)[0]  # type: ignore[no-any-return]


_TRUNK: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
_VISION: dict[str, Any] = {**_TRUNK, "intermediate_size": 64, "image_size": IMAGE, "patch_size": 8}
_SERIES: dict[str, Any] = {
    "num_input_channels": 3,
    "context_length": 32,
    "patch_length": 8,
    "patch_stride": 8,
    "num_targets": 5,
    "scaling": None,
}


def _made(model: str, config: str, **options: Any) -> nn.Module:
    return First(getattr(tf, model)(getattr(tf, config)(**options)))


def _whisper() -> nn.Module:
    config = tf.WhisperConfig(
        d_model=32,
        encoder_layers=2,
        encoder_attention_heads=4,
        encoder_ffn_dim=64,
        num_mel_bins=16,
        max_source_positions=32,
    )
    return First(WhisperEncoder(config))


SIGNALS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "ast": (
        partial(
            _made,
            *("ASTForAudioClassification", "ASTConfig"),
            intermediate_size=64,
            patch_size=8,
            frequency_stride=8,
            time_stride=8,
            max_length=48,
            num_mel_bins=32,
            **_TRUNK,
        ),
        (48, 32),
    ),
    "wav2vec2": (
        partial(
            _made,
            *("Wav2Vec2Model", "Wav2Vec2Config"),
            intermediate_size=64,
            conv_dim=(16, 16, 16),
            conv_kernel=(10, 3, 3),
            conv_stride=(5, 2, 2),
            num_conv_pos_embeddings=8,
            num_conv_pos_embedding_groups=4,
            vocab_size=32,
            **_TRUNK,
        ),
        (800,),
    ),
    "whisper-encoder": (_whisper, (16, 64)),
    "patchtst": (
        partial(
            _made,
            *("PatchTSTForClassification", "PatchTSTConfig"),
            d_model=32,
            num_hidden_layers=2,
            num_attention_heads=4,
            ffn_dim=64,
            use_cls_token=False,
            **_SERIES,
        ),
        (32, 3),
    ),
    "patchtsmixer": (
        partial(
            _made,
            *("PatchTSMixerForTimeSeriesClassification", "PatchTSMixerConfig"),
            d_model=16,
            num_layers=2,
            **_SERIES,
        ),
        (32, 3),
    ),
    "segformer": (
        partial(
            _made,
            *("SegformerForImageClassification", "SegformerConfig"),
            hidden_sizes=[16, 24, 32, 48],
            depths=[1, 1, 1, 1],
            num_attention_heads=[1, 1, 2, 4],
            decoder_hidden_size=32,
            num_labels=4,
        ),
        (3, 64, 64),
    ),
    "dinov2": (
        partial(
            _made,
            "Dinov2Model",
            "Dinov2Config",
            image_size=IMAGE,
            patch_size=8,
            mlp_ratio=2,
            **_TRUNK,
        ),
        (3, IMAGE, IMAGE),
    ),
    "siglip-vision": (
        partial(_made, "SiglipVisionModel", "SiglipVisionConfig", **_VISION),
        (3, IMAGE, IMAGE),
    ),
    "clip-vision": (
        partial(_made, "CLIPVisionModel", "CLIPVisionConfig", **_VISION),
        (3, IMAGE, IMAGE),
    ),
}
"""By name: the network, and the shape of a sample."""
