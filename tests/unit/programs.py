"""Small hand-written C projects, in the form that ``emit`` gives them, and what they compute."""

from dataclasses import replace

import numpy as np

from microformer.graph.project import CProject, Layer
from microformer.graph.tensor import Array

INPUTS, OUTPUTS = 24, 8

WEIGHTS = np.random.default_rng(7).integers(-127, 128, (OUTPUTS, INPUTS))
OFFSET = -7

_HEADER = """#ifndef {upper}_H
#define {upper}_H
#include <stdint.h>
void {name}_run(const {ctype} *in, int8_t *out, void *arena);
#endif
"""

_DOT = """#include "toy.h"

#define LAYER __attribute__((noinline)) static void

static const int8_t weights[8][24] = {WEIGHTS};

/* Not const: start-up has to copy the one and to clear the other. */
static volatile int16_t offset = OFFSET;
static volatile int16_t zero;

/* int8 [24] -> int32 [8] */
LAYER layer_00_dot(const int8_t *in, int32_t *acc) {
  for (int32_t j = 0; j < 8; j++) {
    int32_t sum = offset;
    for (int32_t i = 0; i < 24; i++) {
      sum += in[i] * weights[j][i];
    }
    acc[j] = sum;
  }
}

/* int32 [8], int8 [8] -> int8 [8], saturating */
LAYER layer_01_add(const int32_t *acc, const int8_t *in, int8_t *out) {
  for (int32_t j = 0; j < 8; j++) {
    const int32_t sum = (acc[j] >> 7) + in[j] + zero;
    out[j] = (int8_t)(sum > 127 ? 127 : sum < -128 ? -128 : sum);
  }
}

void toy_run(const int8_t *in, int8_t *out, void *arena) {
  int32_t *acc = arena;
  layer_00_dot(in, acc);
  layer_01_add(acc, in, out);
}
"""


def project(source: str, name: str = "toy", **fields: object) -> CProject:
    """A project of one C file."""
    made = CProject(
        name=name,
        files={f"{name}.h": _HEADER.format(name=name, upper=name.upper(), ctype="int8_t")}
        | {f"{name}.c": source},
        sources=(f"{name}.c",),
        include_dirs=(".",),
        input_dtype="int8",
        input_size=INPUTS,
        output_size=OUTPUTS,
        arena_bytes=4 * OUTPUTS,
        arena_alignment=8,
        weight_bytes=INPUTS * OUTPUTS,
        layers=(),
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def toy() -> CProject:
    """Two layers: a dot product with an offset, and a saturating addition."""
    rows = ", ".join("{" + ", ".join(map(str, row)) + "}" for row in WEIGHTS)
    source = _DOT.replace("{WEIGHTS}", "{" + rows + "}").replace("OFFSET", str(OFFSET))
    layers = (
        Layer("dot", "layer_00_dot", "linear", "toy_dot", "24 -> 8", 24 * 8, "acc"),
        Layer("add", "layer_01_add", "add", "toy_add", "8", 0, "out"),
    )
    return project(source, layers=layers)


def toy_reference(x: Array) -> Array:
    """What ``toy`` computes: int8 [N, 24] -> int8 [N, 8]."""
    acc = x.astype(np.int64) @ WEIGHTS.T + OFFSET
    sums: Array = np.clip((acc >> 7) + x[:, :OUTPUTS], -128, 127)
    return sums.astype(np.int8)


def toy_samples(count: int) -> Array:
    """int8 [count, 24], the extremes first."""
    x = np.random.default_rng(3).integers(-128, 128, (count, INPUTS)).astype(np.int8)
    x[0], x[1] = -128, 127
    return x


def body(statements: str) -> CProject:
    """A project whose model does ``statements`` in one layer."""
    source = f"""#include "toy.h"
__attribute__((noinline)) static void layer_00_only(const int8_t *in, int8_t *out, int8_t *a) {{
  (void)in;
  (void)out;
  (void)a;
  {statements}
}}
void toy_run(const int8_t *in, int8_t *out, void *arena) {{ layer_00_only(in, out, arena); }}
"""
    layer = Layer("only", "layer_00_only", "x", "x", "", 0, "out")
    return project(source, layers=(layer,))
