"""Our kernels against CMSIS-NN's, both built here and measured under the same rules, as JSON.

python bench/against_cmsis_nn.py PATH [--target cortex-m4] [ROW ...]

PATH is a checkout of CMSIS-NN of your own (3.6 or near it), of which nothing is held here. Rows are
those of ``microformer bench``: linear_R.._K.._N.., conv_S.., depthwise_S.., pointwise_R... Weights
are the row's own; CMSIS-NN requantises by multipliers of 31 bits, so outputs are not compared, only
cycles. Both sides are one call, with what each computes at run time. Both are estimates of the same
timing model.
"""

import argparse
import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from microformer.bench.workloads import ROOM, workload
from microformer.build import build
from microformer.emit import emit
from microformer.graph.int_graph import IntGraph
from microformer.graph.ops import Conv2d, Linear
from microformer.graph.project import CProject
from microformer.lower import lower
from microformer.plan import plan
from microformer.run import run
from microformer.scratch import temporary_folder
from microformer.targets import Target, find, resized

ROWS = (
    *(f"linear_R1_K{k}_N{n}" for k, n in ((192, 192), (256, 64), (64, 64), (64, 10))),
    *("linear_R64_K64_N64", "conv_S16_C32_N32_K3", "conv_S16_C3_N16_K3"),
    *("depthwise_S16_C32_K3", "depthwise_S16_C32_K5", "depthwise_S16_C30_K3"),
)
QUIET = (
    '#pragma GCC diagnostic ignored "-Wconversion"\n'
    '#pragma clang diagnostic ignored "-Weverything"\n'
)
STRING = """#ifndef STRING_H
#define STRING_H
#include <stddef.h>
void *memcpy(void *, const void *, size_t);
void *memmove(void *, const void *, size_t);
void *memset(void *, int, size_t);
#endif
"""
FULLY_CONNECTED = """
  const cmsis_nn_dims input = {{{rows}, 1, 1, {k}}}, filter = {{{k}, 1, 1, {n}}};
  const cmsis_nn_dims bias = {{1, 1, 1, {n}}}, output = {{{rows}, 1, 1, {n}}};
  const cmsis_nn_fc_params params = {{0, 0, 0, {{-128, 127}}}};
  const cmsis_nn_per_tensor_quant_params scale = {{1 << 30, -8}};
  cmsis_nn_context context = {{arena, arm_fully_connected_s8_get_buffer_size(&filter)}};
#if defined(__ARM_FEATURE_MVE)
  arm_vector_sum_s8(context.buf, {k}, {n}, {weight}, 0, 0, zeros);
#endif
  arm_fully_connected_s8(
      &context, &params, &scale, &input, in, &filter, {weight}, &bias, zeros, &output, out);
"""
CONVOLUTION = """
  const cmsis_nn_dims input = {{1, {h}, {w}, {c}}}, filter = {{{fn}, {kh}, {kw}, {fc}}};
  const cmsis_nn_dims bias = {{1, 1, 1, {n}}}, output = {{1, {oh}, {ow}, {n}}};
  const {kind}_params params = {{
      .input_offset = 0, .output_offset = 0, {more}.stride = {{{sw}, {sh}}},
      .padding = {{{left}, {top}}}, .dilation = {{1, 1}}, .activation = {{-128, 127}}}};
  const cmsis_nn_per_channel_quant_params scale = {{(int32_t *)mults, (int32_t *)shifts}};
  cmsis_nn_context context = {{
      arena, {call}_wrapper_s8_get_buffer_size(&params, &input, &filter, &output)}};
  {call}_wrapper_s8(
      &context, &params, &scale, &input, in, &filter, {weight}, &bias, zeros, &output, out);
"""


def sources(checkout: Path) -> Iterator[tuple[str, str]]:
    """The C files of int8 kernels, and all headers, by their path; a sentence if there are none."""
    if not (checkout / "Include" / "arm_nnfunctions.h").is_file():
        missing = "Include/arm_nnfunctions.h is missing"
        raise SystemExit(f"'{checkout}' is no checkout of CMSIS-NN: {missing}.")
    for path in sorted((checkout / "Include").rglob("*.h")):
        yield str(path.relative_to(checkout)), path.read_text("utf-8")
    for path in sorted((checkout / "Source").rglob("*.c")):
        if not any(word in path.name for word in ("_s4", "_s16", "_f16", "_f32", "lstm", "svdf")):
            yield str(path.relative_to(checkout)), QUIET + path.read_text("utf-8")


def call(graph: IntGraph, project: CProject) -> str:
    """C that does the graph's one node by CMSIS-NN."""
    (node,) = graph.nodes
    operands, output = graph.operands(node), graph.tensors[node.output]
    assert operands[0] is not None and operands[1] is not None
    weight = f"{project.name}_w_{node.inputs[1].replace('.', '_')}"
    shape = operands[1].shape
    n, k = shape[0], int(np.prod(shape[1:]))
    if isinstance(node.op, Linear):
        return FULLY_CONNECTED.format(rows=output.size // n, k=k, n=n, weight=weight)
    assert isinstance(node.op, Conv2d)
    depthwise = node.op.groups > 1
    h, w, c = operands[0].shape
    oh, ow, _ = output.shape
    return CONVOLUTION.format(
        h=h, w=w, c=c, oh=oh, ow=ow, n=n, kh=shape[1], kw=shape[2], weight=weight,
        fn=1 if depthwise else n, fc=n if depthwise else c,
        kind="cmsis_nn_dw_conv" if depthwise else "cmsis_nn_conv",
        call="arm_depthwise_conv" if depthwise else "arm_convolve",
        more=".ch_mult = 1, " if depthwise else "",
        sh=node.op.stride[0], sw=node.op.stride[1], top=node.op.pads[0], left=node.op.pads[1],
    )  # fmt: skip


def theirs(graph: IntGraph, project: CProject, files: Mapping[str, str]) -> CProject:
    """The project with its one layer done by CMSIS-NN."""
    n = graph.tensors[graph.nodes[0].inputs[1]].shape[0]
    name, symbol = project.name, project.layers[0].symbol
    fill = ", ".join(["0"] * n), ", ".join([str(1 << 30)] * n), ", ".join(["-8"] * n)
    text = [
        QUIET,
        f'#include "{name}.h"\n#include "{name}_weights.h"\n#include "arm_nnfunctions.h"',
        '#include "arm_nnsupportfunctions.h"',
        f"static const int32_t zeros[{n}] = {{{fill[0]}}};",
        f"static const int32_t mults[{n}] = {{{fill[1]}}}, shifts[{n}] = {{{fill[2]}}};",
        f"__attribute__((noinline)) static void {symbol}(",
        "    const int8_t *in, int8_t *out, void *arena) {",
        call(graph, project),
        "  (void)mults, (void)shifts;\n}",
        f"void {name}_run(const int8_t *in, int8_t *out, void *arena) {{",
        f"  {symbol}(in, out, arena);\n}}\n",
    ]
    made = {**project.files, **files, "string.h": STRING, f"{name}.c": "\n".join(text)}
    more = tuple(path for path in files if path.endswith(".c"))
    return replace(
        project,
        files=made,
        sources=(*project.sources, *more),
        include_dirs=(*project.include_dirs, ".", "Include", "Include/Internal"),
        arena_bytes=1 << 20,
    )


def cycles(project: CProject, target: Target, x: np.ndarray) -> int:
    """Of one inference."""
    with temporary_folder() as folder:
        image = build(project, target, folder)
        made = run(project, image, x, target).cycles
    assert made is not None
    return made


def main() -> None:
    """One record a row: cycles of both, and how many times ours theirs are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--target", default="cortex-m4")
    parser.add_argument("rows", nargs="*", default=list(ROWS))
    options = parser.parse_args()
    files = dict(sources(options.checkout))
    target = resized(find(options.target), code_bytes=ROOM, data_bytes=ROOM)
    rows = []
    for name in options.rows:
        graph = workload(name)
        project = emit(plan(lower(graph, target), target))
        shape = graph.tensors["x"].shape
        x = np.random.default_rng(0).integers(-128, 128, (1, int(np.prod(shape)))).astype(np.int8)
        ours = cycles(project, target, x)
        other = cycles(theirs(graph, project, files), target, x)
        macs = project.layers[0].macs
        rows.append(
            {
                "name": name,
                "kernel": project.layers[0].kernel,
                "ours": ours,
                "cmsis_nn": other,
                "ratio": other / ours,
                "ours_per_mac": ours / macs,
                "cmsis_nn_per_mac": other / macs,
            }
        )
    print(
        json.dumps({"target": target.name, "unit": "cycles, an estimate", "rows": rows}, indent=2)
    )


if __name__ == "__main__":
    main()
