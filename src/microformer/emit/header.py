"""The public header: what a firmware engineer reads."""

import numpy as np

from microformer.emit.licence import c_line, written
from microformer.emit.weights import C_TYPES
from microformer.graph.kernel_graph import Plan
from microformer.graph.tensor import Tensor


def _shape(tensor: Tensor) -> str:
    return " x ".join(map(str, tensor.shape)) or "1"


def _float(value: float) -> str:
    """A C literal of the very float32 that ``value`` is rounded to; nine digits tell them apart.

    The digits are those of the float32: C would round digits of a float64 a second time.
    """
    text = f"{float(np.float32(value)):.9g}"
    return f"{text}f" if any(c in text for c in ".e") else f"{text}.0f"


def _quantizer(name: str) -> list[str]:
    upper = name.upper()
    return [
        "/* The int8 nearest to a real input value (halves towards plus infinity), saturated. */",
        f"static inline int8_t {name}_quantize(float x) {{",
        f"  const float scaled = x / {upper}_INPUT_SCALE + 0.5f;",
        f"  const float low = (float)(-128 - {upper}_INPUT_ZERO_POINT);",
        f"  const float high = (float)(127 - {upper}_INPUT_ZERO_POINT);",
        "  if (!(scaled > low)) {",
        "    return -128; /* also what is not a number */",
        "  }",
        "  if (scaled >= high) {",
        "    return 127;",
        "  }",
        "  int32_t floored = (int32_t)scaled;",
        "  floored -= ((float)floored > scaled) ? 1 : 0;",
        f"  return (int8_t)(floored + {upper}_INPUT_ZERO_POINT);",
        "}",
        "",
        "/* count real values to int8. */",
        f"static inline void {name}_quantize_input(const float *x, int8_t *in, int32_t count) {{",
        "  for (int32_t i = 0; i < count; i++) {",
        f"    in[i] = {name}_quantize(x[i]);",
        "  }",
        "}",
        "",
    ]


def _memories(plan: Plan, upper: str) -> list[str]:
    """Which buffers a cluster has in L1 and in L2."""
    if not plan.graph.target.is_cluster:
        return []
    lines = []
    if plan.l2_bytes:
        lines = [f" * l2:    {upper}_L2_BYTES bytes in L2, as the arena otherwise."]
    callers = (("in", plan.graph.inputs[0]), ("out", plan.graph.outputs[0]))
    places = [f"{n} in {'L2' if t in plan.caller_l2 else 'L1'}" for n, t in callers]
    return [*lines, " *", f" * Memories: {', '.join(places)}, the arena in L1. All cores call it."]


def _unaligned(plan: Plan) -> list[str]:
    """What the core must allow: loads of words that are not aligned (panels, packed rows)."""
    if not plan.graph.target.needs_unaligned_access:
        return []
    return [
        " *",
        " * The core must not trap unaligned access: CCR.UNALIGN_TRP is 0, as after a reset, and",
        " * in and out lie in normal memory. The arena itself has to be aligned all the same.",
    ]


def _shared_by_cores(plan: Plan, name: str) -> list[str]:
    """What a program around the network needs to know on a cluster."""
    if not plan.graph.target.is_cluster:
        return []
    return [
        f"/* The number of the core that calls it, 0 to {plan.graph.target.cores - 1}. */",
        f"int32_t {name}_core(void);",
        "",
        "/* Where every core waits until all are there, and sees what the others wrote. */",
        f"void {name}_barrier(void);",
        "",
    ]


def header(plan: Plan, name: str) -> str:
    """``<name>.h`` for a plan."""
    source = plan.graph.tensors[plan.graph.inputs[0]]
    result = plan.graph.tensors[plan.graph.outputs[0]]
    upper, dtype = name.upper(), C_TYPES[source.dtype]
    network = plan.graph.kind == "network"
    what = "an 8-bit integer network" if network else "a sensor's samples to a network's input,"
    l2 = ", void *l2" if plan.l2_bytes else ""
    lines = [
        c_line(),
        f"/* {name}: {what} for {plan.graph.target.name}. {written()} */",
        f"#ifndef {upper}_H",
        f"#define {upper}_H",
        "",
        "#include <stdint.h>",
        "",
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        "",
        f"#define {upper}_INPUT_SIZE {source.size} /* {dtype} [{_shape(source)}] */",
        f"#define {upper}_OUTPUT_SIZE {result.size} /* int8_t [{_shape(result)}] */",
        f"#define {upper}_ARENA_BYTES {max(plan.arena_bytes, 1)}",  # C has no empty arrays
        f"#define {upper}_ARENA_ALIGNMENT 8",
        *[f"#define {upper}_L2_BYTES {plan.l2_bytes}"] * bool(plan.l2_bytes),
        "",
        "/* real value = scale * (integer - zero point) */",
    ]
    for what, tensor in (("INPUT", source), ("OUTPUT", result)):
        if tensor.qparams is not None:
            lines.append(f"#define {upper}_{what}_SCALE {_float(tensor.qparams.scale)}")
            lines.append(f"#define {upper}_{what}_ZERO_POINT ({tensor.qparams.zero_point})")
    lines.append("")
    if source.qparams is not None:
        lines += _quantizer(name)
    if result.qparams is not None:
        lines += [
            "/* The real value of one output. */",
            f"static inline float {name}_dequantize(int8_t q) {{",
            f"  return {upper}_OUTPUT_SCALE * (float)((int32_t)q - {upper}_OUTPUT_ZERO_POINT);",
            "}",
            "",
            "/* count outputs to real values. */",
            f"static inline void {name}_dequantize_output(const int8_t *out, float *y,",
            f"{' ' * len(f'static inline void {name}_dequantize_output(')}int32_t count) {{",
            "  for (int32_t i = 0; i < count; i++) {",
            f"    y[i] = {name}_dequantize(out[i]);",
            "  }",
            "}",
            "",
        ]
    lines += [
        "/* Runs the network once." if network else "/* Makes one window of the network's input.",
        " *",
        f" * in:    {upper}_INPUT_SIZE values of type {dtype}, only read.",
        f" * out:   {upper}_OUTPUT_SIZE values of type int8_t; must not overlap in or arena.",
        f" * arena: {upper}_ARENA_BYTES bytes of working memory, aligned to",
        f" *        {upper}_ARENA_ALIGNMENT bytes (a build with MF_DEBUG asserts it); what it",
        " *        holds before and after means nothing.",
        *_memories(plan, upper),
        *_unaligned(plan),
        " *",
        " * Allocates nothing, keeps no state, and may run in several threads on separate arenas.",
        " */",
        f"void {name}_run(const {dtype} *in, int8_t *out, void *arena{l2});",
        "",
        *_shared_by_cores(plan, name),
        "#ifdef __cplusplus",
        "}",
        "#endif",
        "",
        "#endif",
        "",
    ]
    return "\n".join(lines)
