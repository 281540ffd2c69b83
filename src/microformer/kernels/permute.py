"""The axes that mf_permute_s8 moves: neighbours that stay together are one."""

from microformer.errors import UnsupportedOpError

PERMUTE_RANK = 6
"""Axes that mf_permute_s8 can move, after axes that stay together have been merged."""


def merged_axes(
    axes: list[tuple[int, int]], output: str
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """``PERMUTE_RANK`` lengths and byte strides from the output's (length, stride) pairs.

    Raises UnsupportedOpError, naming ``output``, where more axes move apart.
    """
    merged: list[tuple[int, int]] = []
    for length, stride in axes:
        if length == 1:
            continue
        if merged and merged[-1][1] == length * stride:
            merged[-1] = (merged[-1][0] * length, stride)
        else:
            merged.append((length, stride))
    if len(merged) > PERMUTE_RANK:
        raise UnsupportedOpError(
            f"The transpose that makes '{output}' moves {len(merged)} axes apart; at most "
            f"{PERMUTE_RANK} are compiled, so split it into two."
        )
    full = [(1, 0)] * (PERMUTE_RANK - len(merged)) + merged
    return tuple(length for length, _ in full), tuple(stride for _, stride in full)
