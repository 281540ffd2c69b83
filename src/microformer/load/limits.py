"""What is not taken of which operator, and what to do: the words of refusals and of a page."""

MASK = (
    "it compares activations, or masks by what is computed from the input: compare with a constant "
    "number, or build masks when the model is made"
)
OF_TOKENS = (
    "it computes with token indices, as where positions or a mask are counted from them: give "
    "positions and masks as inputs or constants of their own, and fix those (--fix NAME=1)"
)
_NORM = "use LayerNorm, RMSNorm, GroupNorm, InstanceNorm or BatchNorm"
_CONTROL = "control flow and plain recurrent layers are not compiled; unroll it, or use GRU or LSTM"
_RECURRENT = "a batch of 1, sigmoid and tanh, and a first state of zeros are compiled"
_QUANTIZED = "quantised models are read in QDQ form, int8 or uint8; or give the float model"
_INDICES = "its indices must be constant; build them when the model is made"
UNKNOWN = "ONNX has no operator of this name in the file's opset; export the model again"
INTEGER_FORM = (
    "it is the integer form of QuantLib, DORY and Deeploy, which says no scales; give the float "
    "model, or one with QuantizeLinear and DequantizeLinear"
)
INTEGER_OPS = (
    "RequantShift",
    "RQSConv",
    "RQSGemm",
    "iGELU",
    "iLayerNorm",
    "iSoftmax",
    "IntegerDiv",
)
LIMITS = {
    **dict.fromkeys(("Equal", "Not", "Less", "LessOrEqual", "Greater", "GreaterOrEqual"), MASK),
    **dict.fromkeys(("And", "Or", "Xor", "Where", "IsNaN", "IsInf"), MASK),
    **dict.fromkeys(("GroupNormalization", "LRN", "MeanVarianceNormalization"), _NORM),
    **dict.fromkeys(("RNN", "Loop", "If", "Scan"), _CONTROL),
    **dict.fromkeys(("LSTM", "GRU"), _RECURRENT),
    **dict.fromkeys(("QuantizeLinear", "DequantizeLinear", "QLinearConv"), _QUANTIZED),
    **dict.fromkeys(("GatherElements", "GatherND", "ScatterND", "ScatterElements"), _INDICES),
    **dict.fromkeys(
        ("ArgMax", "ArgMin"), "only an output may be the place of the largest or smallest value"
    ),
    "TopK": "let the model end with its logits",
    "Pow": "only powers by a constant number are compiled",
    "Gemm": "its second operand must be a constant matrix of weights",
    "Einsum": "write it with matmul, transpose and reshape",
    "ConvTranspose": "its weight must be constant, over one or two spatial axes and a batch of 1",
    "Conv": "its weight must be constant, over one or two spatial axes",
    "Resize": "only nearest, linear and cubic interpolation of constant size are compiled",
    "Expand": "its shape must be constant",
    "Tile": "its repeats must be constant",
    "Gather": "only embeddings of an integer input, or constant indices",
    "Pad": "its amounts and its value must be constant",
    "Cast": "integers computed from the input cannot be compiled",
    "DFT": "only the whole complex spectrum is compiled",
}
"""By operator: what of it is not taken, or what is to be done where it is not taken at all."""
PAGE = "docs/operators.md"
"""Where all of them are listed."""
