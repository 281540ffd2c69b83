"""``bench/against_cmsis_nn.py`` on a stand-in of the library: what it builds, calls and measures.

CMSIS-NN itself is no package; its calls are checked against its header by whoever has a checkout.
"""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEADER = """#include <stdint.h>
#include <string.h>
typedef struct { void *buf; int32_t size; } cmsis_nn_context;
typedef struct { int32_t n, h, w, c; } cmsis_nn_dims;
typedef struct { int32_t multiplier, shift; } cmsis_nn_per_tensor_quant_params;
typedef struct { int32_t min, max; } cmsis_nn_activation;
typedef struct {
  int32_t input_offset, filter_offset, output_offset;
  cmsis_nn_activation activation;
} cmsis_nn_fc_params;
int32_t arm_fully_connected_s8_get_buffer_size(const cmsis_nn_dims *);
int arm_fully_connected_s8(
    const cmsis_nn_context *, const cmsis_nn_fc_params *, const cmsis_nn_per_tensor_quant_params *,
    const cmsis_nn_dims *, const int8_t *, const cmsis_nn_dims *, const int8_t *,
    const cmsis_nn_dims *, const int32_t *, const cmsis_nn_dims *, int8_t *);
"""
SOURCE = """#include "arm_nnfunctions.h"
int32_t arm_fully_connected_s8_get_buffer_size(const cmsis_nn_dims *filter) { return 0; }
int arm_fully_connected_s8(
    const cmsis_nn_context *c, const cmsis_nn_fc_params *p,
    const cmsis_nn_per_tensor_quant_params *q, const cmsis_nn_dims *input, const int8_t *x,
    const cmsis_nn_dims *f, const int8_t *w, const cmsis_nn_dims *b, const int32_t *bias,
    const cmsis_nn_dims *output, int8_t *y) {
  for (int i = 0; i < output->c; i++) {
    int sum = 0;
    for (int j = 0; j < input->c; j++) sum += x[j] * w[i * input->c + j];
    y[i] = sum >> 8;
  }
  return 0;
}
"""


def test_both_sides_are_measured(tmp_path: Path) -> None:
    (tmp_path / "Include").mkdir()
    (tmp_path / "Source" / "FullyConnectedFunctions").mkdir(parents=True)
    (tmp_path / "Include" / "arm_nnfunctions.h").write_text(HEADER)
    (tmp_path / "Include" / "arm_nnsupportfunctions.h").write_text("#include <stdint.h>\n")
    (tmp_path / "Source" / "FullyConnectedFunctions" / "a_s8.c").write_text(SOURCE)
    script = ROOT / "bench" / "against_cmsis_nn.py"
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path), "linear_R1_K64_N16"],
        check=True,
        capture_output=True,
        text=True,
        timeout=300,
    )
    (row,) = json.loads(done.stdout)["rows"]
    assert row["name"] == "linear_R1_K64_N16" and row["ours"] > 0
    # a plain loop is some three times slower than four columns at a time
    assert 2 < row["ratio"] < 6
    assert row["ratio"] == row["cmsis_nn"] / row["ours"]


def test_a_folder_that_is_no_checkout_is_a_sentence(tmp_path: Path) -> None:
    script = ROOT / "bench" / "against_cmsis_nn.py"
    done = subprocess.run(
        [sys.executable, str(script), str(tmp_path)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1 and "is no checkout of CMSIS-NN" in done.stderr
    assert "Traceback" not in done.stderr
