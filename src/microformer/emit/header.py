"""The public header: what a firmware engineer reads."""

from collections.abc import Sequence

import numpy as np

from microformer.emit.ends import CEnd, c_ends, second_arena
from microformer.emit.licence import c_line, written
from microformer.emit.names import wrapped
from microformer.emit.states import state_header
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


def _table(head: str, numbers: list[str]) -> list[str]:
    """A constant array of a function."""
    return wrapped(f"  {head} = {{", numbers, "};")


def _quantizer(end: CEnd) -> list[str]:
    macro = end.macro
    scale, zero, place = f"{macro}_SCALE", f"{macro}_ZERO_POINT", ""
    tables: list[str] = []
    if end.tensor.channels is not None:
        scale, zero, place = "scales[c]", "zero_points[c]", ", int32_t at"
        count, found = f"[{macro}_CHANNELS]", end.tensor.channels
        tables = [
            *_table(f"static const float scales{count}", [_float(s) for s in found.scales]),
            *_table(f"static const int16_t zero_points{count}", [*map(str, found.zero_points)]),
            f"  const int32_t c = at / {macro}_CHANNEL_STRIDE % {macro}_CHANNELS;",
        ]
    return [
        "/* The int8 nearest to a real input value (halves towards plus infinity), saturated. */"
        if not place
        else "/* The same of the value at place `at` of the input: each channel has a scale. */",
        f"static inline int8_t {end.converts_one}(float x{place}) {{",
        *tables,
        f"  const float scaled = x / {scale} + 0.5f;",
        f"  const float low = (float)(-128 - {zero});",
        f"  const float high = (float)(127 - {zero});",
        "  if (!(scaled > low)) {",
        "    return -128; /* also what is not a number */",
        "  }",
        "  if (scaled >= high) {",
        "    return 127;",
        "  }",
        "  int32_t floored = (int32_t)scaled;",
        "  floored -= ((float)floored > scaled) ? 1 : 0;",
        f"  return (int8_t)(floored + {zero});",
        "}",
        "",
        "/* count real values to int8. */"
        if not place
        else "/* The first count real values of an input to int8. */",
        f"static inline void {end.converts_all}(const float *x, int8_t *in, int32_t count) {{",
        "  for (int32_t i = 0; i < count; i++) {",
        f"    in[i] = {end.converts_one}(x[i]{', i' * bool(place)});",
        "  }",
        "}",
        "",
    ]


def _dequantizer(end: CEnd) -> list[str]:
    start = f"static inline void {end.converts_all}("
    return [
        "/* The real value of one output. */",
        f"static inline float {end.converts_one}(int8_t q) {{",
        f"  return {end.macro}_SCALE * (float)((int32_t)q - {end.macro}_ZERO_POINT);",
        "}",
        "",
        "/* count outputs to real values. */",
        f"{start}const int8_t *out, float *y,",
        f"{' ' * len(start)}int32_t count) {{",
        "  for (int32_t i = 0; i < count; i++) {",
        f"    y[i] = {end.converts_one}(out[i]);",
        "  }",
        "}",
        "",
    ]


def _described(end: CEnd) -> str:
    """What the comment of the function says of a parameter."""
    use = "only read." if end.kind == "input" else "must not overlap in or arena."
    if end.part:
        other = "must not overlap anything else." if end.kind == "output" else use
        return f" * {end.parameter}: {end.macro}_SIZE values of type {end.dtype}; {other}"
    if end.kind == "input":
        return f" * in:    {end.macro}_SIZE values of type {end.dtype}, only read."
    return f" * out:   {end.macro}_SIZE values of type {end.dtype}; {use}"


def _memories(plan: Plan, upper: str, ends: Sequence[CEnd]) -> list[str]:
    """Which buffers a cluster has in L1 and in L2."""
    target = plan.graph.target
    if not target.is_cluster:
        other = target.second_ram()
        if not plan.l2_bytes or other is None:
            return []
        return [
            f" * arena2: {upper}_ARENA2_BYTES bytes in another memory, as the arena otherwise: in",
            f" *        {other.name or 'the second RAM'} (from {other.origin:#010x} on), for which"
            " your linker script has a section.",
        ]
    lines = []
    if plan.l2_bytes:
        lines = [f" * l2:    {upper}_L2_BYTES bytes in L2, as the arena otherwise."]
    places = [f"{e.parameter} in {'L2' if e.buffer in plan.caller_l2 else 'L1'}" for e in ends]
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


def declaration(plan: Plan, name: str, end: str) -> list[str]:
    """The head of the program's function: of one input and output on one line."""
    inputs, outputs = c_ends(plan, name)
    given = [*(e.declared for e in (*inputs, *outputs)), "void *arena"]
    given += [f"void *{second_arena(plan)}"] * bool(plan.l2_bytes)
    line = f"void {name}_run({', '.join(given)}){end}"
    return (
        [line]
        if len(inputs) == len(outputs) == 1 or len(line) <= 100
        else wrapped(f"void {name}_run(", given, f"){end}")
    )


def header(plan: Plan, name: str, hop: int = 0) -> str:
    """``<name>.h`` for a plan; ``hop`` as of ``CProject``."""
    inputs, outputs = c_ends(plan, name)
    ends = (*inputs, *outputs)
    upper = name.upper()
    network = plan.graph.kind == "network"
    second = f"{second_arena(plan).upper()}_BYTES"
    what = "an 8-bit integer network" if network else "a sensor's samples to a network's input,"
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
        *(
            f"#define {e.macro}_SIZE {e.tensor.size} /* {e.dtype} [{_shape(e.tensor)}] */"
            for e in ends
        ),
        *[f"#define {upper}_HOP {hop} /* samples from one window to the next */"] * bool(hop),
        f"#define {upper}_ARENA_BYTES {max(plan.arena_bytes, 1)}",  # C has no empty arrays
        f"#define {upper}_ARENA_ALIGNMENT 8",
        *[f"#define {upper}_{second} {plan.l2_bytes}"] * bool(plan.l2_bytes),
        "",
        "/* real value = scale * (integer - zero point) */",
    ]
    for end in ends:
        if end.tensor.channels is not None:
            lines.append(f"#define {end.macro}_CHANNELS {len(end.tensor.channels.scales)}")
            lines.append(f"#define {end.macro}_CHANNEL_STRIDE {end.tensor.channels.stride}")
        elif end.tensor.qparams is not None:
            lines.append(f"#define {end.macro}_SCALE {_float(end.tensor.qparams.scale)}")
            lines.append(f"#define {end.macro}_ZERO_POINT ({end.tensor.qparams.zero_point})")
    lines.append("")
    for end in ends:
        if end.tensor.qparams is not None:
            lines += _quantizer(end) if end.kind == "input" else _dequantizer(end)
    lines += [
        "/* Runs the network once." if network else "/* Makes one window of the network's input.",
        " *",
        *map(_described, ends),
        f" * arena: {upper}_ARENA_BYTES bytes of working memory, aligned to",
        f" *        {upper}_ARENA_ALIGNMENT bytes (a build with MF_DEBUG asserts it); what it",
        " *        holds before and after means nothing.",
        *_memories(plan, upper, ends),
        *_unaligned(plan),
        " *",
        " * Allocates nothing, keeps no state, and may run in several threads on separate arenas.",
        " */",
        *declaration(plan, name, ";"),
        "",
        *_shared_by_cores(plan, name),
        *state_header(plan, name),
        "#ifdef __cplusplus",
        "}",
        "#endif",
        "",
        "#endif",
        "",
    ]
    return "\n".join(lines)
