"""A process that runs any kernel under AddressSanitizer and UBSan, and how to talk to it."""

import hashlib
import struct
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from filelock import FileLock

from microformer.build.compiler import FLAGS, compile_and_link, host_compiler
from microformer.graph.kernel_graph import Arg
from microformer.graph.tensor import Array
from microformer.kernels.registry import Kernel, library_files
from microformer.kernels.signatures import arguments, family
from microformer.targets import TARGETS
from tests.cases import CASES, Case

_SANITIZERS = ("-g1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
_KINDS = {"int": 0, "in": 1, "const": 1, "out": 2, "scratch": 3, "null": 4}


def case_arguments(case: Case, kernel: Kernel) -> tuple[Arg, ...]:
    """The C arguments of a case for a kernel."""
    return arguments(case.op, case.tensors(), case.output())


def _wrapper(index: int, kernel: Kernel) -> str:
    """C that calls the kernel with arguments from an array; kinds are those of any case."""
    case = next(c for c in CASES if family(c.op, c.tensors()) == kernel.family)
    texts = [
        f"a[{i}].value" if arg.kind == "int" else f"a[{i}].buffer"
        for i, arg in enumerate(case_arguments(case, kernel))
    ]
    call = f"{kernel.symbol}({', '.join(texts)})"
    return f"static void wrapper_{index}(const argument_t *a) {{ {call}; }}"


def _built(kernels: Sequence[Kernel], place: Path, all_in_l2: bool) -> Path:
    """The program around ``kernels``, built in ``place`` by whichever process comes first.

    It appears whole or not at all, and is known by all that it is made of.
    """
    files = library_files(k.symbol for k in kernels)
    lines = [f'#include "{k.symbol}.h"' for k in kernels]
    # every integer arrives as int64; what a kernel takes is narrower, or unsigned
    lines += [f'#pragma GCC diagnostic ignored "-W{w}conversion"' for w in ("", "sign-")]
    lines += [_wrapper(i, kernel) for i, kernel in enumerate(kernels)]
    names = ", ".join(f"wrapper_{i}" for i in range(len(kernels)))
    lines.append(f"static const wrapper_t wrappers[] = {{{names}}};")
    files["wrappers.h"] = "\n".join([*lines, ""])
    files["runner.c"] = Path(__file__).with_name("runner.c").read_text("utf-8")
    flags = [*FLAGS, *_SANITIZERS, "-Wno-unused-function", *["-DMF_ALL_IN_L2"] * all_in_l2]
    assert not all_in_l2 or "defined(MF_ALL_IN_L2)" in files["mf_cluster.h"]
    made_of = hashlib.sha256(repr((sorted(files.items()), flags)).encode()).hexdigest()[:16]
    program = place / f"kernels-{made_of}"
    with FileLock(place / f"kernels-{made_of}.lock"):
        if not program.exists():
            with tempfile.TemporaryDirectory(prefix="microformer-kernels-", dir=place) as name:
                root = Path(name)
                for path, text in files.items():
                    (root / path).write_text(text, "utf-8")
                made = root / "runner"
                command = [*flags, f"-I{root}", str(root / "runner.c"), "-o", str(made)]
                compile_and_link(host_compiler(sanitize=True), command)
                made.replace(program)
    return program


class KernelRunner:
    """Kernels of one instruction set, in one process for as many calls as you like.

    The program is built once for all processes of a test session, in ``place``. With
    ``all_in_l2`` all memory but scratch counts as L2: kernels of a cluster bring what they read.
    """

    def __init__(self, kernels: Sequence[Kernel], place: Path, *, all_in_l2: bool = False) -> None:
        self._kernels = tuple(kernels)
        self._folder = tempfile.TemporaryDirectory(prefix="microformer-kernels-")
        self._program = _built(self._kernels, place, all_in_l2)
        self._process: subprocess.Popen[bytes] | None = None
        self.error_log = Path(self._folder.name) / "stderr.txt"

    def close(self) -> None:
        """End the process and remove what was built."""
        if self._process is not None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            self._end(self._process)
        self._folder.cleanup()

    @staticmethod
    def _end(process: "subprocess.Popen[bytes]") -> None:
        process.wait(10)
        assert process.stdout is not None
        process.stdout.close()

    def call(
        self, kernel: Kernel, case: Case, values: Sequence[Array], *, in_l1: bool = False
    ) -> Array:
        """The output [*shape] of a kernel for one sample of each activation of the case.

        ``in_l1``: the scratch is what the registry says where constants lie in L1.
        """
        inputs, output = case.tensors(), case.output()
        given = dict(zip([t.name for t in inputs if t and t.data is None], values, strict=True))
        given |= {t.name: t.data for t in inputs if t and t.data is not None}
        args = case_arguments(case, kernel)
        packed = kernel.pack(case.op, inputs) if kernel.pack else {}
        args = tuple(Arg("null") if packed.get(str(a.value), 0) is None else a for a in args)
        given |= {name: data for name, data in packed.items() if data is not None}
        request = [struct.pack("<qq", self._kernels.index(kernel), len(args))]
        for arg in args:
            match arg.kind:
                case "int":
                    request.append(struct.pack("<qq", 0, int(arg.value)))
                case "in" | "const":
                    raw = np.ascontiguousarray(given[str(arg.value)]).tobytes()
                    request.append(struct.pack("<qq", 1, len(raw)) + raw)
                case "out":
                    request.append(struct.pack("<qq", 2, output.nbytes))
                case "scratch":
                    scratch = (in_l1 and kernel.l1_scratch) or kernel.scratch
                    size = scratch(case.op, inputs, output, TARGETS["host"])
                    request.append(struct.pack("<qq", 3, size))
                case _:
                    request.append(struct.pack("<qq", 4, 0))
        raw = self._exchange(b"".join(request), output.nbytes, f"{kernel.symbol} on {case.name}")
        return np.frombuffer(raw, output.dtype).reshape(output.shape)

    def _exchange(self, request: bytes, size: int, what: str) -> bytes:
        if self._process is None:
            with self.error_log.open("wb") as log:
                self._process = subprocess.Popen(
                    [str(self._program)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                )
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(request)
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it died of the call; the answer below is too short
        answer = self._process.stdout.read(size)
        if len(answer) == size:
            return answer
        self._process.kill()
        self._process.stdin.close()
        self._end(self._process)
        self._process = None
        text = self.error_log.read_text("utf-8", "replace")
        complaint = next((y for y in text.splitlines() if "error:" in y.lower()), text[:300])
        raise AssertionError(f"{what} was stopped by the sanitizers: {complaint}")
