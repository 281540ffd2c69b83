"""What all packages say of a model: names, versions, flags, the example's input."""

import re
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from microformer.emit.ends import CEnd
from microformer.emit.licence import LICENCE, version
from microformer.errors import TargetError
from microformer.graph.compiled import Compiled
from microformer.graph.ends import flat_outputs, quantized, records
from microformer.graph.project import CProject
from microformer.graph.tensor import Array
from microformer.reference import evaluate
from microformer.targets import Target

MARKER = "microformer.json"
"""The file by which an exported folder is known to be ours."""
_VERSION = re.compile(r"(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})\.(0|[1-9]\d{0,5})")
_URL = re.compile(r"https?://[A-Za-z0-9./_~%-]{3,200}")
_RAMP = 32


def stamped(text: str) -> str:
    """``text`` with who wrote it behind the line of its licence, as a comment of its language."""
    head, found, rest = text.partition("SPDX-License-Identifier:")
    if not found:
        return text
    line, newline, rest = rest.partition("\n")
    identifier, _, end = line.strip().partition(" ")
    begin = head.rpartition("\n")[2]
    if f"microformer {version()}" in rest[:400] or not newline:
        return text
    written = f"{begin}Written by microformer {version()}.{' ' + end if end else ''}"
    return f"{head}{found} {identifier}{' ' + end if end else ''}\n{written}\n{rest}"


def check_version(text: str) -> str:
    """``text``, three numbers with dots; TargetError if it is none."""
    if not _VERSION.fullmatch(text):
        raise TargetError(f"'{text[:40]}' is no version of a package, as 1.0.0.")
    return text


def check_url(text: str) -> str:
    """``text``, an address of the web without what XML or a properties file would misread."""
    if not _URL.fullmatch(text):
        raise TargetError(f"'{text[:60]}' is no address of a page, as https://example.org/net.")
    return text


@dataclass(frozen=True)
class Package:
    """A compiled model and the version of its package."""

    compiled: Compiled
    version: str
    url: str
    licence: str = LICENCE

    @property
    def project(self) -> CProject:
        """The emitted C."""
        return self.compiled.project

    @property
    def target(self) -> Target:
        """The board it was compiled for."""
        return self.compiled.target

    @property
    def name(self) -> str:
        """An identifier of C."""
        return self.project.name

    @property
    def tool_version(self) -> str:
        """Of microformer."""
        return version()

    @property
    def sentence(self) -> str:
        """What it is, in one sentence."""
        return f"The network {self.name} in 8-bit integers, for {self.target.name}."

    @property
    def cmsis_core(self) -> str:
        """The core as CMSIS-Pack writes it: Cortex-M4, Cortex-M0+."""
        number = self.target.core.removeprefix("cortex-m").replace("plus", "+").rstrip("f")
        return f"Cortex-M{number}"

    @property
    def headers(self) -> dict[str, str]:
        """What an application includes, by file name."""
        names = [f"{source.removesuffix('.c')}.h" for source in self.project.sources]
        return {n: self.project.files[n] for n in names if not n.endswith("_weights.h")}

    @property
    def sources(self) -> dict[str, str]:
        """What is compiled, and what only that includes, by path."""
        private = {n: t for n, t in self.project.files.items() if n.endswith("_weights.h")}
        kernels = {n: t for n, t in self.project.files.items() if n.startswith("mf/")}
        return {**{n: self.project.files[n] for n in self.project.sources}, **private, **kernels}

    @cached_property
    def inputs(self) -> tuple[CEnd, ...]:
        """The inputs as C has them."""
        return self._ends("input", self.compiled.int_graph.inputs)

    @cached_property
    def outputs(self) -> tuple[CEnd, ...]:
        """The outputs as C has them."""
        return self._ends("output", self.compiled.int_graph.outputs)

    @property
    def given(self) -> tuple[CEnd, ...]:
        """The inputs that an application gives: all but states."""
        return tuple(end for end in self.inputs if end.part not in self._kept)

    @property
    def answers(self) -> tuple[CEnd, ...]:
        """The outputs that an application gets: all but states."""
        return tuple(end for end in self.outputs if end.part not in self._kept)

    @property
    def _kept(self) -> set[str]:
        return {part for state in self.project.states for part in (state.read, state.written)}

    def _ends(self, kind: str, names: tuple[str, ...]) -> tuple[CEnd, ...]:
        ports = self.project.inputs if kind == "input" else self.project.outputs
        parts = [port.name for port in ports] or [""]
        tensors = [self.compiled.int_graph.tensors[name] for name in names]
        return tuple(
            CEnd(kind, name, tensor, part, self.name)  # type: ignore[arg-type]  # one of both
            for name, tensor, part in zip(names, tensors, parts, strict=True)
        )


def example_outputs(compiled: Compiled) -> Array:
    """What the examples print: all output bytes [N] of one inference on the ramp.

    An input of real values holds ((i mod 32) - 16) / 16 at place i, one of integers zeros. Of a
    program that remembers it is the first step, and states are not printed.
    """
    graph = compiled.int_graph
    given = {}
    kept = {name for pair in graph.states for name in pair}
    for name in graph.inputs:
        tensor = graph.tensors[name]
        ramp = (np.arange(tensor.size) % _RAMP - _RAMP // 2) / np.float32(_RAMP // 2)
        real = tensor.qparams is not None
        ramp = np.zeros_like(ramp) if name in kept else ramp
        values = ramp.astype(np.float32) if real else np.zeros(tensor.size, tensor.dtype)
        given[name] = values.reshape(1, *tensor.shape)
    shown = replace(graph, outputs=tuple(n for n in graph.outputs if n not in kept), states=())
    made: Array = flat_outputs(shown, evaluate(graph, quantized(graph, records(given))))
    return made.reshape(-1)
