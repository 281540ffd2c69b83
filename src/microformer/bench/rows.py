"""The rows that ``microformer bench`` measures unless told which; workloads.py has their names."""

ATTENTIONS = ((4, 32, 8, 32), (32, 32, 16, 32), (32, 64, 16, 64), (81, 32, 8, 32), (66, 16, 8, 2))
RADAR = (
    "convpool_H32_W492_C2_N16_K3x5_P3x5",
    "convpool_H10_W98_C16_N32_K3x5_P3x5",
    "convpool_H3_W19_C32_N64_K1x7_P1x7",
)
"""The layers of TinyRadarNN that see one frame."""
SWEEP = (16, 32, 64, 128)

DEFAULT_ROWS: tuple[str, ...] = (
    *(f"attention_S{s}_E{e}_H{h}_P{p}" for s, e, h, p in ATTENTIONS),
    *(f"attention_S{s}_E{e}_H8_P32" for s in SWEEP for e in SWEEP),
    *(f"linear_R64_K{k}_N64" for k in (32, 64, 256)),
    *("pointwise_R64_K64_N64", "pointwise_R2560_K64_N64", "conv_S16_C32_N32_K3"),
    *RADAR,
    *("depthwise_S16_C32_K3", "layernorm_R81_N64", "softmax_R81_N81", "softmax_R81_N81_fine"),
    *("scores_B4_R64_K32", "square_B4_R64"),
)
"""What ``microformer bench`` measures; the last attention rows are EEGFormer and ECGFormer."""
