"""Vision and audio models of ``timm`` and ``transformers`` in small configurations."""

from collections.abc import Callable
from typing import Any

import timm
import transformers as tf
from timm import models
from torch import Tensor, nn

IMAGE = 32


class First(nn.Module):
    """The first output of a transformers model: float [1, ...] -> [1, ...]."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model(x, return_dict=False)[0]  # type: ignore[no-any-return]


def _timm(name: str, **options: Any) -> nn.Module:
    model = timm.create_model(name, pretrained=False, num_classes=10, **options)
    return model  # type: ignore[no-any-return]


def _vit(name: str, **more: Any) -> nn.Module:
    options = {"img_size": IMAGE, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 4}
    return _timm(name, **(options | more))


def _maxxvit(name: str, blocks: tuple[str, ...]) -> nn.Module:
    """MaxViT and CoAtNet, one block a stage."""
    config = models.maxxvit.MaxxVitCfg(
        embed_dim=(16, 32),
        depths=(1, 1),
        block_type=blocks,
        stem_width=16,
        transformer_cfg=models.maxxvit.MaxxVitTransformerCfg(
            dim_head=8, window_size=(4, 4), grid_size=(4, 4)
        ),
    )
    return models.maxxvit.MaxxVit(config, img_size=64, num_classes=10)


def _plain(kind: type[nn.Module], **options: Any) -> nn.Module:
    """A class of timm's own: its named configurations fix what is to be small here."""
    return kind(num_classes=10, **options)


VISION: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {}


def _add(
    name: str, make: Callable[[], nn.Module], shape: tuple[int, ...] = (3, IMAGE, IMAGE)
) -> None:
    VISION[name] = (make, shape)


_add("vit", lambda: _vit("vit_tiny_patch16_224"))
_add("vit-mean", lambda: _vit("vit_tiny_patch16_224", global_pool="avg", class_token=False))
_add("vit-registers", lambda: _vit("vit_tiny_patch16_224", reg_tokens=4))
_add("vit-layerscale", lambda: _vit("vit_tiny_patch16_224", init_values=0.1))
_add("vit-qknorm", lambda: _vit("vit_tiny_patch16_224", qk_norm=True))
_add("vit-swiglu", lambda: _vit("vit_tiny_patch16_224", mlp_layer=timm.layers.SwiGLUPacked))
_add("deit", lambda: _vit("deit_tiny_patch16_224"))
_add("deit-distilled", lambda: _vit("deit_tiny_distilled_patch16_224"))
_add("deit3", lambda: _vit("deit3_small_patch16_224"))
_add("beit", lambda: _vit("beit_base_patch16_224"))
_add("beitv2", lambda: _vit("beitv2_base_patch16_224"))
_add("eva02", lambda: _vit("eva02_tiny_patch14_224", mlp_ratio=2))
_add("cait", lambda: _vit("cait_xxs24_224", depth=2))
_add("xcit", lambda: _vit("xcit_nano_12_p16_224", patch_size=8, depth=2))
_add("convit", lambda: _vit("convit_tiny", depth=2, local_up_to_layer=1))
_add(
    "mixer",
    lambda: _plain(
        models.mlp_mixer.MlpMixer, img_size=IMAGE, patch_size=8, embed_dim=32, num_blocks=2
    ),
)
_add(
    "gmlp",
    lambda: _plain(
        models.mlp_mixer.MlpMixer,
        img_size=IMAGE,
        patch_size=8,
        embed_dim=32,
        num_blocks=2,
        mlp_ratio=4,
        block_layer=models.mlp_mixer.SpatialGatingBlock,
        mlp_layer=timm.layers.GatedMlp,
    ),
)
_add(
    "resmlp",
    lambda: _plain(
        models.mlp_mixer.MlpMixer,
        img_size=IMAGE,
        patch_size=8,
        embed_dim=32,
        num_blocks=2,
        mlp_ratio=4,
        block_layer=models.mlp_mixer.ResBlock,
        norm_layer=models.mlp_mixer.Affine,
    ),
)
_add(
    "swin",
    lambda: _timm(
        "swin_tiny_patch4_window7_224",
        img_size=IMAGE,
        patch_size=2,
        window_size=4,
        embed_dim=16,
        depths=(2, 2),
        num_heads=(2, 4),
    ),
)
_add(
    "swinv2",
    lambda: _timm(
        "swinv2_tiny_window8_256",
        img_size=IMAGE,
        patch_size=2,
        window_size=4,
        embed_dim=16,
        depths=(2, 2),
        num_heads=(2, 4),
    ),
)
_add(
    "swinv2-cr",
    lambda: _timm(
        "swinv2_cr_tiny_224",
        img_size=IMAGE,
        patch_size=2,
        window_size=4,
        embed_dim=16,
        depths=(2, 2),
        num_heads=(2, 4),
    ),
)
_add("mobilevit", lambda: _timm("mobilevit_xxs"), (3, 64, 64))
_add("mobilevitv2", lambda: _timm("mobilevitv2_050"), (3, 64, 64))
_add("maxvit", lambda: _maxxvit("maxvit_rmlp_pico_rw_256", ("M", "M")), (3, 64, 64))
_add("coatnet", lambda: _maxxvit("coatnet_pico_rw_224", ("C", "T")), (3, 64, 64))
_add(
    "edgenext",
    lambda: _timm("edgenext_xx_small", depths=(1, 1, 2, 1), dims=(16, 24, 32, 48)),
    (3, 64, 64),
)
_add(
    "efficientformer",
    lambda: _timm("efficientformer_l1", depths=(1, 1, 1, 2), embed_dims=(16, 24, 32, 48)),
    (3, 224, 224),
)
_add(
    "efficientformerv2",
    lambda: _timm(
        "efficientformerv2_s0", img_size=64, depths=(1, 1, 2, 2), embed_dims=(16, 24, 32, 48)
    ),
    (3, 64, 64),
)
_add("efficientvit", lambda: _timm("efficientvit_b0"), (3, 64, 64))
_add("efficientvit-m0", lambda: _timm("efficientvit_m0", img_size=64), (3, 64, 64))
_add(
    "levit",
    lambda: _timm(
        "levit_128s",
        img_size=64,
        embed_dim=(32, 48, 64),
        num_heads=(2, 3, 4),
        depth=(1, 1, 1),
        key_dim=8,
    ),
    (3, 64, 64),
)
_add("mobileone", lambda: _timm("mobileone_s0"), (3, 64, 64))
_add("mobilenetv2", lambda: _timm("mobilenetv2_035"), (3, 64, 64))
_add("mobilenetv3", lambda: _timm("mobilenetv3_small_050"), (3, 64, 64))
_add("mobilenetv4-hybrid", lambda: _timm("mobilenetv4_conv_small_035"), (3, 64, 64))
_add("mnasnet", lambda: _timm("mnasnet_small"), (3, 64, 64))
_add("efficientnet", lambda: _timm("efficientnet_lite0"), (3, 64, 64))
_add("resnet", lambda: _timm("resnet10t"), (3, 64, 64))
_add("repvgg", lambda: _timm("repvgg_a0"), (3, 64, 64))
_add(
    "convnext",
    lambda: _timm("convnext_atto", depths=(1, 1, 2, 1), dims=(16, 24, 32, 48)),
    (3, 64, 64),
)
_add(
    "convnextv2",
    lambda: _timm("convnextv2_atto", depths=(1, 1, 2, 1), dims=(16, 24, 32, 48)),
    (3, 64, 64),
)
_add(
    "convmixer",
    lambda: _plain(models.convmixer.ConvMixer, dim=32, depth=3, kernel_size=5, patch_size=4),
)
_add(
    "poolformer",
    lambda: _plain(
        models.metaformer.MetaFormer,
        depths=(1, 1, 1, 1),
        dims=(16, 24, 32, 48),
        norm_layers=timm.layers.GroupNorm1,
        downsample_norm=None,
        mlp_act=nn.GELU,
        layer_scale_init_values=1e-5,
        res_scale_init_values=None,
        use_mlp_head=False,
        output_norm=timm.layers.GroupNorm1,
    ),
    (3, 64, 64),
)
_add(
    "poolformerv2",
    lambda: _plain(
        models.metaformer.MetaFormer,
        depths=(1, 1, 1, 1),
        dims=(16, 24, 32, 48),
        norm_layers=models.metaformer.GroupNorm1NoBias,
        use_mlp_head=False,
    ),
    (3, 64, 64),
)
_add(
    "caformer",
    lambda: _plain(
        models.metaformer.MetaFormer,
        depths=(1, 1, 1, 1),
        dims=(16, 24, 32, 64),
        token_mixers=(
            models.metaformer.SepConv,
            models.metaformer.SepConv,
            models.metaformer.Attention,
            models.metaformer.Attention,
        ),
        norm_layers=(models.metaformer.LayerNorm2dNoBias,) * 2
        + (models.metaformer.LayerNormNoBias,) * 2,
    ),
    (3, 64, 64),
)
_add("fastvit", lambda: _timm("fastvit_t8"), (3, 64, 64))
_add(
    "repvit",
    lambda: _timm("repvit_m0_9", embed_dim=(16, 24, 32, 48), depth=(1, 1, 2, 1)),
    (3, 64, 64),
)
_add(
    "pvt-v2",
    lambda: _plain(
        models.pvt_v2.PyramidVisionTransformerV2,
        depths=(1, 1, 1, 1),
        embed_dims=(16, 24, 32, 48),
        num_heads=(1, 2, 4, 8),
        mlp_ratios=(4, 4, 4, 4),
    ),
    (3, 64, 64),
)
_add(
    "twins",
    lambda: _timm(
        "twins_svt_small",
        img_size=64,
        embed_dims=(16, 24, 32, 48),
        depths=(1, 1, 1, 1),
        num_heads=(2, 2, 4, 4),
        mlp_ratios=(2, 2, 2, 2),
        wss=(4, 4, 4, 2),
        sr_ratios=(4, 2, 2, 1),
    ),
    (3, 64, 64),
)
_add(
    "nest",
    lambda: _plain(
        models.nest.Nest,
        img_size=IMAGE,
        patch_size=2,
        embed_dims=(16, 32, 48),
        num_heads=(2, 4, 4),
        depths=(1, 1, 1),
    ),
)
_add(
    "pit",
    lambda: _timm("pit_ti_224", img_size=64, base_dims=(8, 8, 8), depth=(1, 1, 1)),
    (3, 64, 64),
)
_add(
    "coat",
    lambda: _timm(
        "coat_lite_tiny",
        img_size=64,
        embed_dims=(16, 24, 32, 48),
        serial_depths=(1, 1, 1, 1),
        num_heads=8,
    ),
    (3, 64, 64),
)
_add("crossvit", lambda: _timm("crossvit_tiny_240"), (3, 240, 240))
_add(
    "volo",
    lambda: _plain(
        models.volo.VOLO,
        img_size=64,
        layers=(1, 1, 1, 1),
        embed_dims=(16, 32, 32, 32),
        num_heads=(2, 2, 2, 2),
        mlp_ratio=2.0,
        downsamples=(True, False, False, False),
        outlook_attention=(True, False, False, False),
        use_aux_head=False,
    ),
    (3, 64, 64),
)
_add(
    "tnt",
    lambda: _timm(
        "tnt_s_legacy_patch16_224",
        img_size=IMAGE,
        patch_size=8,
        embed_dim=32,
        inner_dim=8,
        depth=2,
        num_heads_inner=2,
        num_heads_outer=4,
    ),
)
_add(
    "tiny-vit",
    lambda: _plain(
        models.tiny_vit.TinyVit,
        embed_dims=(16, 32, 48, 64),
        depths=(1, 1, 1, 1),
        num_heads=(1, 2, 3, 4),
        window_sizes=(4, 4, 4, 2),
    ),
    (3, 64, 64),
)
_add(
    "visformer",
    lambda: _timm("visformer_tiny", img_size=64, embed_dim=48, num_heads=3, depth=(1, 1, 1)),
    (3, 64, 64),
)
_add("ghostnet", lambda: _timm("ghostnet_050"), (3, 64, 64))
_add("shufflenet-like-tinynet", lambda: _timm("tinynet_e"), (3, 64, 64))
_add("hardcorenas", lambda: _timm("hardcorenas_a"), (3, 64, 64))
_add(
    "inception-next",
    lambda: _timm("inception_next_atto", depths=(1, 1, 1, 1), dims=(16, 24, 32, 48)),
    (3, 64, 64),
)
_add(
    "mambaout",
    lambda: _timm("mambaout_femto", depths=(1, 1, 1, 1), dims=(16, 24, 32, 48)),
    (3, 64, 64),
)
_add(
    "focalnet",
    lambda: _plain(models.focalnet.FocalNet, embed_dim=16, depths=(1, 1, 1, 1)),
    (3, 64, 64),
)
_add(
    "davit",
    lambda: _plain(
        models.davit.DaVit, depths=(1, 1), embed_dims=(16, 32), num_heads=(2, 4), window_size=4
    ),
    (3, 64, 64),
)
_add("shvit", lambda: _timm("shvit_s1"), (3, 64, 64))
_add(
    "hiera",
    lambda: _timm(
        "hiera_tiny_224", img_size=(64, 64), embed_dim=16, num_heads=1, stages=(1, 1, 1, 1)
    ),
    (3, 64, 64),
)
_add("vgg", lambda: _timm("vgg11"), (3, 32, 32))


def _ast() -> nn.Module:
    config = tf.ASTConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        patch_size=8,
        frequency_stride=8,
        time_stride=8,
        max_length=48,
        num_mel_bins=32,
    )
    return First(tf.ASTForAudioClassification(config))


def _wav2vec2() -> nn.Module:
    config = tf.Wav2Vec2Config(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        conv_dim=(16, 16, 16),
        conv_kernel=(10, 3, 3),
        conv_stride=(5, 2, 2),
        num_conv_pos_embeddings=8,
        num_conv_pos_embedding_groups=4,
        vocab_size=32,
    )
    return First(tf.Wav2Vec2Model(config))


def _whisper() -> nn.Module:
    from transformers.models.whisper.modeling_whisper import WhisperEncoder  # noqa: PLC0415

    config = tf.WhisperConfig(
        d_model=32,
        encoder_layers=2,
        encoder_attention_heads=4,
        encoder_ffn_dim=64,
        num_mel_bins=16,
        max_source_positions=32,
    )
    return First(WhisperEncoder(config))


def _patchtst() -> nn.Module:
    config = tf.PatchTSTConfig(
        num_input_channels=3,
        context_length=32,
        patch_length=8,
        patch_stride=8,
        d_model=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        ffn_dim=64,
        num_targets=5,
        scaling=None,
        use_cls_token=False,
    )
    return First(tf.PatchTSTForClassification(config))


def _patchtsmixer() -> nn.Module:
    config = tf.PatchTSMixerConfig(
        num_input_channels=3,
        context_length=32,
        patch_length=8,
        patch_stride=8,
        d_model=16,
        num_layers=2,
        num_targets=5,
        scaling=None,
    )
    return First(tf.PatchTSMixerForTimeSeriesClassification(config))


def _segformer() -> nn.Module:
    config = tf.SegformerConfig(
        hidden_sizes=[16, 24, 32, 48],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 1, 2, 4],
        decoder_hidden_size=32,
        num_labels=4,
    )
    return First(tf.SegformerForImageClassification(config))


def _dinov2() -> nn.Module:
    config = tf.Dinov2Config(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        image_size=IMAGE,
        patch_size=8,
        mlp_ratio=2,
    )
    return First(tf.Dinov2Model(config))


def _siglip() -> nn.Module:
    config = tf.SiglipVisionConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        image_size=IMAGE,
        patch_size=8,
    )
    return First(tf.SiglipVisionModel(config))


def _clip() -> nn.Module:
    config = tf.CLIPVisionConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        image_size=IMAGE,
        patch_size=8,
    )
    return First(tf.CLIPVisionModel(config))


_add("ast", _ast, (48, 32))
_add("wav2vec2", _wav2vec2, (800,))
_add("whisper-encoder", _whisper, (16, 64))
_add("patchtst", _patchtst, (32, 3))
_add("patchtsmixer", _patchtsmixer, (32, 3))
_add("segformer", _segformer, (3, 64, 64))
_add("dinov2", _dinov2)
_add("siglip-vision", _siglip)
_add("clip-vision", _clip)
