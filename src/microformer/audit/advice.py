"""What to do about a layer, from its own figures."""

from dataclasses import replace

from microformer.audit.record import LayerAudit

NOTHING_DB = 0.1
"""A layer that costs less than so much is left in peace."""
LITTLE_DB = 1.0
"""Below, a layer without a fault of its own is only said to cost what int8 costs."""
CLIPPED = 0.002
SPREAD = 6.0
HALF_USED = 0.5
WEIGHTED = {"Linear", "Conv"}


def advise(layer: LayerAudit) -> LayerAudit:
    """``layer`` with its advice: the first cause that its figures show."""
    return replace(layer, advice=_advice(layer))


def _advice(layer: LayerAudit) -> str:
    if layer.cost_db < NOTHING_DB:
        return "nothing: in float it would gain nothing"
    if not layer.certain:
        return "nothing: within chance on these samples"
    if layer.coarse_channels:
        return (
            f"{layer.coarse_channels} channels have weights far below the others': rescale them "
            "(--effort normal equalises), or train with microformer.torch"
        )
    if layer.saturated > CLIPPED:
        return (
            f"int{layer.bits} clips {layer.saturated:.1%} of its values: calibrate on samples like "
            "these, or --effort high, which tries wider ranges"
        )
    if layer.channel_spread > SPREAD and layer.bits == 8:
        return (
            f"its largest channel is {layer.channel_spread:.0f} times the median one: --effort "
            "high equalises layer by layer; --residual auto keeps sums and norms in int16 where it "
            "gains; what is left needs microformer.torch"
        )
    narrow = layer.op != "Softmax" and layer.bits == 8  # else its range is not of the samples
    if layer.range_use < HALF_USED and narrow:
        return (
            f"these samples use {layer.range_use:.0%} of its range: calibrate on samples like these"
        )
    if layer.cost_db < LITTLE_DB:
        return "little: what eight bits cost"
    if layer.op in WEIGHTED and layer.gain_db > layer.output_gain_db:
        return "the rounding of its weights: --effort high rounds them by reconstruction"
    if layer.bits == 16:
        return "its arithmetic: its output has sixteen bits already"
    return "the eight bits of its output: train with microformer.torch, which moves its range"
