"""Published cycles of attention layers, with their conditions: silicon, not our estimate.

Tiny Transformers, the authors' sheet: 8-bit attention layer, 4SEPH + 2S^2PH MACs.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One figure: ``system`` on ``platform``, measured on the board."""

    system: str
    platform: str
    cycles: int


_L4, _H7 = "STM32L4, 80 MHz, silicon", "STM32H7, 480 MHz, silicon"
_GAP8, _GAP8_L1 = "GAP8, 100 MHz, weights in L2, silicon", "GAP8, 100 MHz, weights in L1, silicon"
_THEIRS, _CMSIS, _PULP_NN = "Tiny Transformers", "CMSIS-NN", "PULP-NN"

PUBLISHED: dict[tuple[str, str], tuple[Published, ...]] = {
    ("cortex-m4", "attention_S32_E64_H16_P64"): (
        Published(_THEIRS, _L4, 59_354_532),
        Published(_CMSIS, _L4, 103_593_384),
    ),
    ("cortex-m4", "attention_S4_E32_H8_P32"): (
        Published(_THEIRS, _L4, 817_140),
        Published(_CMSIS, _L4, 1_373_492),
    ),
    ("cortex-m4", "attention_S32_E32_H16_P32"): (
        Published(_THEIRS, _L4, 18_537_194),
        Published(_CMSIS, _L4, 31_644_679),
    ),
    ("cortex-m7", "attention_S32_E64_H16_P64"): (
        Published(_THEIRS, _H7, 17_170_252),
        Published(_CMSIS, _H7, 56_997_470),
    ),
    ("cortex-m7", "attention_S4_E32_H8_P32"): (
        Published(_THEIRS, _H7, 269_353),
        Published(_CMSIS, _H7, 768_315),
    ),
    ("pulp-ri5cy", "attention_S32_E64_H16_P64"): (
        Published(_THEIRS, _GAP8, 929_130),
        Published(_PULP_NN, _GAP8, 1_952_342),
        Published(_THEIRS, f"{_GAP8}, one core", 5_845_497),
    ),
    ("pulp-ri5cy", "attention_S4_E32_H8_P32"): (
        Published(_THEIRS, _GAP8_L1, 14_785),
        Published(_THEIRS, _GAP8, 20_192),
        Published(_PULP_NN, _GAP8_L1, 34_322),
        Published(_PULP_NN, _GAP8, 39_071),
    ),
}
"""By (target, row); on a cluster of eight cores unless ``platform`` says otherwise."""
