"""What becomes of the zoo: which networks load, how near the integers are, whether bits agree.

``python -m tests.zoo.measure`` measures all of them (some ten minutes) and writes the golden table
and the page's; with names, only those, and nothing is written.
"""

import json
import logging
import sys
import warnings
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import onnxruntime

import microformer
from microformer.analysis.float_run import FloatRunner
from microformer.analysis.statistics import sqnr_db
from microformer.graph.compiled import Compiled
from microformer.graph.ends import quantized
from microformer.graph.float_model import FloatModel
from microformer.graph.tensor import Array
from tests.exporters import legacy_export
from tests.zoo.catalogue import NETS, Net

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests" / "golden" / "zoo.json"
PAGE = ROOT / "docs" / "zoo.md"
CALIBRATION, TEST, ON_DEVICE = 64, 16, 2
EVERYWHERE = (
    *(
        "bert",
        "gpt2",
        "llama",
        "vit",
        "swinv2",
        "xcit",
        "mixer",
        "patchtst",
        "ast",
        "whisper-encoder",
    ),
)
"""Ten that are run on emulated cores and RTL too."""
TARGETS = ("cortex-m4", "cortex-m55", "pulp-cv32e40p")


@dataclass(frozen=True)
class Found:
    """One network's row. ``refusal`` says why it does not load or compile; the rest is empty then.

    ``import_db`` compares the loaded model with torch, ``sqnr_db`` the integers with the loaded
    model over samples that no range was taken from; ``input_db`` is what rounding the input to
    int8 alone leaves (None of tokens). ``exact`` are the targets on which every byte was right.
    ``legacy`` is of the ONNX file of torch's older exporter: "" where it loads and computes the
    same, else why not.
    """

    refusal: str = ""
    import_db: float | None = None
    sqnr_db: float | None = None
    input_db: float | None = None
    exact: tuple[str, ...] = ()
    legacy: str = ""


LEAST_IMPORT_DB = 60.0
"""Less is no rounding of float32 but another function."""


def legacy(net: Net) -> str:
    """What keeps the ONNX file of torch's older exporter from loading; "" where nothing does."""
    x = net.samples(2)
    import torch  # noqa: PLC0415  so that the table alone needs none

    try:
        file = legacy_export(net.module(), torch.as_tensor(x[:1]))
    except Exception as error:  # of torch, of every kind
        return f"not exported: {' '.join(str(error).split())[:90]}"
    try:
        model = microformer.load(file)
    except microformer.MicroformerError as error:
        try:
            onnxruntime.InferenceSession(file)
        except Exception:  # of onnxruntime, of every kind
            return "the exporter's file is broken: onnxruntime refuses it too"
        return str(error)
    ratio = sqnr_db(_torch(net, x), _floats(model, x))
    return "" if ratio >= LEAST_IMPORT_DB else f"computes something else: {ratio:.0f} dB"


def compiled(net: Net, target: str = "host") -> tuple[Compiled, Array]:
    """A network at default settings, and the samples that it is tested on."""
    x = net.samples(CALIBRATION + TEST)
    model = microformer.load(net.module(), example=x[:1], name=net.name)
    return microformer.compile(model, x[:CALIBRATION], target), x[CALIBRATION:]


def measured(name: str, targets: tuple[str, ...] = ()) -> Found:
    """One network through everything, on this machine and on ``targets``."""
    net = NETS[name]
    try:
        made, x = compiled(net)
    except microformer.MicroformerError as error:
        return Found(refusal=str(error))
    model = made.float_model
    real = _floats(model, x)
    answers = np.asarray(microformer.predict(made, x)).reshape(real.shape)
    exact = []
    for target in ("host", *targets):
        here = made if target == "host" else compiled(net, target)[0]
        if microformer.run(here, x, count=ON_DEVICE).bit_exact:
            exact.append(target)
    return Found(
        import_db=_rounded(sqnr_db(_torch(net, x), real)),
        sqnr_db=_rounded(sqnr_db(real, answers)),
        input_db=None if net.tokens else _rounded(_input_db(made, x, real)),
        exact=tuple(exact),
        legacy=legacy(net),
    )


def _rounded(ratio: float) -> float:
    return round(min(ratio, 200.0), 1)


def _floats(model: FloatModel, x: Array) -> Array:
    runner = FloatRunner(model)
    rows = [runner(x[i : i + 1])[model.output_name].reshape(-1) for i in range(len(x))]
    return np.stack(rows).astype(np.float64)


def _torch(net: Net, x: Array) -> Array:
    import torch  # noqa: PLC0415  so that the table alone needs none

    module = net.module()
    with torch.no_grad():
        rows = [module(torch.as_tensor(x[i : i + 1])).numpy().reshape(-1) for i in range(len(x))]
    return np.stack(rows).astype(np.float64)


def _input_db(made: Compiled, x: Array, real: Array) -> float:
    """What is left where only the input is rounded."""
    graph = made.int_graph
    levels = graph.tensors[graph.inputs[0]].dequantize(quantized(graph, x))
    rounded = levels.reshape(x.shape).astype(np.float32)
    return sqnr_db(real, _floats(made.float_model, rounded))


def read_golden() -> dict[str, Found]:
    """The table as it was measured last."""
    rows = json.loads(GOLDEN.read_text("utf-8"))
    return {k: Found(**row | {"exact": tuple(row["exact"])}) for k, row in rows.items()}


def page(found: dict[str, Found]) -> str:
    """docs/zoo.md for a table."""
    loaded = [row for row in found.values() if not row.refusal]
    good = [row for row in loaded if (row.sqnr_db or 0.0) >= 20.0]
    fair = [r for r in loaded if r.input_db is None or r.input_db >= 30.0]
    kept = sum((r.sqnr_db or 0.0) >= 20.0 for r in fair)
    lines = [
        "# The zoo",
        "",
        f"{len(found)} architectures of `transformers` and `timm`, in small configurations with "
        "random weights",
        "(`tests/zoo/catalogue.py`), each by torch's exporter at default settings. Written by",
        "`python -m tests.zoo.measure`; CI measures a tenth of it again.",
        "",
        f"- {len(loaded)} of {len(found)} load and compile. {len(good)} of those keep 20 dB and "
        f"more: {kept} of the {len(fair)} where",
        "  rounding the input to int8 alone leaves 30 dB.",
        "- SQNR: of the integers against the float model, over 16 samples that no range was taken",
        "  from (64 others: tokens, or standard normal values). Input: what rounding the input",
        "  alone leaves.",
        "- Import: the loaded model against torch, in float32.",
        f"- Older exporter: {sum(not r.legacy for r in loaded)} of the {len(loaded)} also load "
        "from the ONNX file of torch's older exporter",
        "  (opset 17), and compute the same; of the others the table says why not.",
        "- Bit-exact: the emitted C against the NumPy reference, on this machine, and where named",
        "  on emulated cores and RTL.",
        "",
        "| network | SQNR, dB | input, dB | import, dB | older exporter | bit-exact on |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in sorted(found.items()):
        if row.refusal:
            lines.append(f"| {name} | refused: {row.refusal} | | | | |")
            continue
        given = "-" if row.input_db is None else f"{row.input_db:.1f}"
        figures = f"{row.sqnr_db:.1f} | {given} | {row.import_db:.0f}"
        older = row.legacy or "yes"
        lines.append(f"| {name} | {figures} | {older} | {', '.join(row.exact)} |")
    return "\n".join([*lines, ""])


def _quiet(name: str) -> tuple[str, Found]:
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    return name, measured(name, TARGETS if name in EVERYWHERE else ())


def main(names: list[str]) -> None:
    """Measure ``names``, or all and write the table."""
    found: dict[str, Found] = {}
    with get_context("spawn").Pool(2, maxtasksperchild=8) as pool:
        for name, row in pool.imap(_quiet, names or list(NETS)):
            found[name] = row
            sys.stdout.write(f"{name}: {row}\n")
            sys.stdout.flush()
    if not names:
        rows = {name: asdict(row) for name, row in sorted(found.items())}
        GOLDEN.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
        PAGE.write_text(page(found), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
