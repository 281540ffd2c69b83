"""Networks of ``timm`` in small configurations, random weights: an image to classes."""

from collections.abc import Callable
from functools import partial
from typing import Any

import timm
from timm import layers, models
from torch import nn

IMAGE = 32
Make = Callable[[], nn.Module]


def _named(name: str, **options: Any) -> nn.Module:
    """A network by its name in timm, with other sizes."""
    made: nn.Module = timm.create_model(name, pretrained=False, num_classes=10, **options)
    return made


def _vit(name: str, **more: Any) -> nn.Module:
    options = {"img_size": IMAGE, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 4}
    return _named(name, **(options | more))


def _plain(kind: Callable[..., nn.Module], **options: Any) -> nn.Module:
    """A class of timm's own, where its named configurations fix what is to be small here."""
    return kind(num_classes=10, **options)


def _maxxvit(*blocks: str) -> nn.Module:
    """MaxViT ("M") and CoAtNet ("C", "T"), one block a stage."""
    config = models.maxxvit.MaxxVitCfg(
        embed_dim=(16, 32),
        depths=(1, 1),
        block_type=blocks,
        stem_width=16,
        transformer_cfg=models.maxxvit.MaxxVitTransformerCfg(
            dim_head=8, window_size=(4, 4), grid_size=(4, 4)
        ),
    )
    made: nn.Module = models.maxxvit.MaxxVit(config, img_size=64, num_classes=10)
    return made


_FOUR: dict[str, Any] = {"depths": (1, 1, 1, 1), "dims": (16, 24, 32, 48)}
_MIXER: dict[str, Any] = {"img_size": IMAGE, "patch_size": 8, "embed_dim": 32, "num_blocks": 2}
_SWIN: dict[str, Any] = {
    "img_size": IMAGE,
    "patch_size": 2,
    "window_size": 4,
    "embed_dim": 16,
    "depths": (2, 2),
    "num_heads": (2, 4),
}
_META: dict[str, Any] = {"depths": (1, 1, 1, 1), "dims": (16, 24, 32, 48), "use_mlp_head": False}
_meta, _mlp = models.metaformer, models.mlp_mixer

SMALL: dict[str, Make] = {
    "vit": partial(_vit, "vit_tiny_patch16_224"),
    "vit-mean": partial(_vit, "vit_tiny_patch16_224", global_pool="avg", class_token=False),
    "vit-registers": partial(_vit, "vit_tiny_patch16_224", reg_tokens=4),
    "vit-layerscale": partial(_vit, "vit_tiny_patch16_224", init_values=0.1),
    "vit-qknorm": partial(_vit, "vit_tiny_patch16_224", qk_norm=True),
    "vit-swiglu": partial(_vit, "vit_tiny_patch16_224", mlp_layer=layers.SwiGLUPacked),  # type: ignore[attr-defined]
    "deit": partial(_vit, "deit_tiny_patch16_224"),
    "deit-distilled": partial(_vit, "deit_tiny_distilled_patch16_224"),
    "deit3": partial(_vit, "deit3_small_patch16_224"),
    "beit": partial(_vit, "beit_base_patch16_224"),
    "beitv2": partial(_vit, "beitv2_base_patch16_224"),
    "eva02": partial(_vit, "eva02_tiny_patch14_224", mlp_ratio=2),
    "cait": partial(_vit, "cait_xxs24_224", depth=2),
    "xcit": partial(_vit, "xcit_nano_12_p16_224", patch_size=8, depth=2),
    "convit": partial(_vit, "convit_tiny", depth=2, local_up_to_layer=1),
    "mixer": partial(_plain, _mlp.MlpMixer, **_MIXER),
    "gmlp": partial(
        _plain,
        _mlp.MlpMixer,
        mlp_ratio=4,
        block_layer=_mlp.SpatialGatingBlock,
        mlp_layer=layers.GatedMlp,  # type: ignore[attr-defined]
        **_MIXER,
    ),
    "resmlp": partial(
        _plain,
        _mlp.MlpMixer,
        mlp_ratio=4,
        block_layer=_mlp.ResBlock,
        norm_layer=_mlp.Affine,
        **_MIXER,
    ),
    "swin": partial(_named, "swin_tiny_patch4_window7_224", **_SWIN),
    "swinv2": partial(_named, "swinv2_tiny_window8_256", **_SWIN),
    "swinv2-cr": partial(_named, "swinv2_cr_tiny_224", **_SWIN),
    "convmixer": partial(
        _plain, models.convmixer.ConvMixer, dim=32, depth=3, kernel_size=5, patch_size=4
    ),
    "nest": partial(
        _plain,
        models.nest.Nest,
        img_size=IMAGE,
        patch_size=2,
        embed_dims=(16, 32, 48),
        num_heads=(2, 4, 4),
        depths=(1, 1, 1),
    ),
    "tnt": partial(
        _vit,
        "tnt_s_legacy_patch16_224",
        num_heads=None,
        inner_dim=8,
        num_heads_inner=2,
        num_heads_outer=4,
    ),
}
"""Of images 32 x 32."""

LARGER: dict[str, Make] = {
    "mobilevit": partial(_named, "mobilevit_xxs"),
    "mobilevitv2": partial(_named, "mobilevitv2_050"),
    "maxvit": partial(_maxxvit, "M", "M"),
    "coatnet": partial(_maxxvit, "C", "T"),
    "edgenext": partial(_named, "edgenext_xx_small", depths=(1, 1, 2, 1), dims=(16, 24, 32, 48)),
    "efficientformerv2": partial(
        _named,
        "efficientformerv2_s0",
        img_size=64,
        depths=(1, 1, 2, 2),
        embed_dims=(16, 24, 32, 48),
    ),
    "efficientvit": partial(_named, "efficientvit_b0"),
    "efficientvit-m0": partial(_named, "efficientvit_m0", img_size=64),
    "levit": partial(
        _named,
        "levit_128s",
        img_size=64,
        embed_dim=(32, 48, 64),
        num_heads=(2, 3, 4),
        depth=(1, 1, 1),
        key_dim=8,
    ),
    "mobileone": partial(_named, "mobileone_s0"),
    "mobilenetv2": partial(_named, "mobilenetv2_035"),
    "mobilenetv3": partial(_named, "mobilenetv3_small_050"),
    "mobilenetv4": partial(_named, "mobilenetv4_conv_small_035"),
    "mnasnet": partial(_named, "mnasnet_small"),
    "efficientnet": partial(_named, "efficientnet_lite0"),
    "resnet": partial(_named, "resnet10t"),
    "repvgg": partial(_named, "repvgg_a0"),
    "convnext": partial(_named, "convnext_atto", depths=(1, 1, 2, 1), dims=_FOUR["dims"]),
    "convnextv2": partial(_named, "convnextv2_atto", depths=(1, 1, 2, 1), dims=_FOUR["dims"]),
    "poolformer": partial(
        _plain,
        _meta.MetaFormer,
        norm_layers=layers.GroupNorm1,  # type: ignore[attr-defined]
        downsample_norm=None,
        mlp_act=nn.GELU,
        layer_scale_init_values=1e-5,
        res_scale_init_values=None,
        output_norm=layers.GroupNorm1,  # type: ignore[attr-defined]
        **_META,
    ),
    "poolformerv2": partial(_plain, _meta.MetaFormer, norm_layers=_meta.GroupNorm1NoBias, **_META),
    "caformer": partial(
        _plain,
        _meta.MetaFormer,
        depths=(1, 1, 1, 1),
        dims=(16, 24, 32, 64),
        token_mixers=(_meta.SepConv, _meta.SepConv, _meta.Attention, _meta.Attention),
        norm_layers=(_meta.LayerNorm2dNoBias,) * 2 + (_meta.LayerNormNoBias,) * 2,
    ),
    "fastvit": partial(_named, "fastvit_t8"),
    "repvit": partial(_named, "repvit_m0_9", embed_dim=(16, 24, 32, 48), depth=(1, 1, 2, 1)),
    "pvt-v2": partial(
        _plain,
        models.pvt_v2.PyramidVisionTransformerV2,
        depths=(1, 1, 1, 1),
        embed_dims=(16, 24, 32, 48),
        num_heads=(1, 2, 4, 8),
        mlp_ratios=(4, 4, 4, 4),
    ),
    "twins": partial(
        _named,
        "twins_svt_small",
        img_size=64,
        embed_dims=(16, 24, 32, 48),
        depths=(1, 1, 1, 1),
        num_heads=(2, 2, 4, 4),
        mlp_ratios=(2, 2, 2, 2),
        wss=(4, 4, 4, 2),
        sr_ratios=(4, 2, 2, 1),
    ),
    "pit": partial(_named, "pit_ti_224", img_size=64, base_dims=(8, 8, 8), depth=(1, 1, 1)),
    "coat": partial(
        _named,
        "coat_lite_tiny",
        img_size=64,
        embed_dims=(16, 24, 32, 48),
        serial_depths=(1, 1, 1, 1),
        num_heads=8,
    ),
    "volo": partial(
        _plain,
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
    "tiny-vit": partial(
        _plain,
        models.tiny_vit.TinyVit,
        embed_dims=(16, 32, 48, 64),
        depths=(1, 1, 1, 1),
        num_heads=(1, 2, 3, 4),
        window_sizes=(4, 4, 4, 2),
    ),
    "visformer": partial(
        _named, "visformer_tiny", img_size=64, embed_dim=48, num_heads=3, depth=(1, 1, 1)
    ),
    "ghostnet": partial(_named, "ghostnet_050"),
    "tinynet": partial(_named, "tinynet_e"),
    "hardcorenas": partial(_named, "hardcorenas_a"),
    "inception-next": partial(_named, "inception_next_atto", **_FOUR),
    "mambaout": partial(_named, "mambaout_femto", **_FOUR),
    "focalnet": partial(_plain, models.focalnet.FocalNet, embed_dim=16, depths=(1, 1, 1, 1)),
    "davit": partial(
        _plain,
        models.davit.DaVit,
        depths=(1, 1),
        embed_dims=(16, 32),
        num_heads=(2, 4),
        window_size=4,
    ),
    "shvit": partial(_named, "shvit_s1"),
    "hiera": partial(
        _named, "hiera_tiny_224", img_size=(64, 64), embed_dim=16, num_heads=1, stages=(1, 1, 1, 1)
    ),
}
"""Of images 64 x 64."""

LARGE: dict[str, Make] = {
    "efficientformer": partial(
        _named, "efficientformer_l1", depths=(1, 1, 1, 2), embed_dims=(16, 24, 32, 48)
    ),
    "crossvit": partial(
        _named, "crossvit_tiny_240", depth=[[1, 2, 0]], embed_dim=(16, 32), num_heads=(2, 2)
    ),
}
"""Of images 224 x 224 and 240 x 240: the size is part of the architecture."""
