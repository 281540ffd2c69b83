"""A trained network through microformer: accuracy in int8, and its program on each target."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import nn

import microformer
from microformer import Compiled, FloatModel, MicroformerError
from microformer.torch import QuantizedModule
from tinyradar.dataset.cache import Dataset
from tinyradar.dataset.folds import Fold
from tinyradar.models import Model
from tinyradar.reproduce.front import OnFront, on_front, with_front_end
from tinyradar.train import predict
from tinyradar.train.integers import calibration

CHECKED = 2
"""Sequences of which every byte is compared on the host, for each fold."""


@dataclass(frozen=True)
class OnTarget:
    """A network's program on a target; ``reason`` says why there is none, and all else is None."""

    target: str
    reason: str = ""
    bit_exact: bool | None = None
    cycles: int | None = None
    cycles_kind: str | None = None
    latency_ms: float | None = None
    energy_mj: float | None = None
    ram_bytes: int | None = None
    flash_bytes: int | None = None
    front: OnFront | None = None


@dataclass(frozen=True)
class FoldResult:
    """Accuracies (0..1) on the persons that a fold leaves out, all simulated where the set is.

    ``trained_in_integers``: the int8 program is what training in integers made of the float
    network; else its ranges were calibrated and nothing was trained.
    """

    fold: int
    accuracy_float: float
    accuracy_int8: float
    bit_exact: bool
    trained_in_integers: bool = False


@dataclass(frozen=True)
class Figures:
    """All that is known of one network.

    ``matrix_bytes``: weight matrices and embeddings at 8 bits; ``constant_bytes``: multipliers,
    addends and tables of the program beside them; ``peak_ram_bytes``: the arena of the plain C
    program, its input and its output, at 8 bits.
    """

    model: str
    parameters: int
    matrix_bytes: int
    constant_bytes: int
    peak_ram_bytes: int
    macs: int
    folds: tuple[FoldResult, ...]
    targets: tuple[OnTarget, ...]

    @property
    def accuracy_float(self) -> float:
        """Mean over the folds."""
        return statistics.fmean(f.accuracy_float for f in self.folds)

    @property
    def accuracy_int8(self) -> float:
        """Mean over the folds."""
        return statistics.fmean(f.accuracy_int8 for f in self.folds)

    @property
    def spread_float(self) -> float | None:
        """Standard deviation over the folds of the float accuracy; None of one fold."""
        return _spread([f.accuracy_float for f in self.folds])

    @property
    def spread(self) -> float | None:
        """Standard deviation over the folds of the int8 accuracy; None of one fold."""
        return _spread([f.accuracy_int8 for f in self.folds])

    def as_json(self) -> dict[str, Any]:
        """Plain data, with what is computed from it."""
        means = {
            "accuracy_float": self.accuracy_float,
            "accuracy_float_spread": self.spread_float,
            "accuracy_int8": self.accuracy_int8,
            "accuracy_int8_spread": self.spread,
        }
        return asdict(self) | means


def _spread(found: list[float]) -> float | None:
    return statistics.stdev(found) if len(found) > 1 else None


def matrix_bytes(network: nn.Module) -> int:
    """Bytes of weight matrices and embeddings at 8 bits: all parameters of two axes and more."""
    return sum(p.numel() for p in network.parameters() if p.dim() > 1)


def float_model(network: nn.Module, model: Model, data: Dataset) -> FloatModel:
    """The network as microformer loads it: one whole sequence in, class scores out."""
    example = torch.from_numpy(model.reader.inputs(data.x[:1]))
    return microformer.load(network, example=example, name=model.name.replace("-", "_"))


@dataclass(frozen=True, eq=False)
class Subject:
    """A network trained on a fold; ``integers`` is the same trained in integers as well."""

    model: Model
    fold: Fold
    network: nn.Module
    integers: QuantizedModule | None = None

    def compiled(self, data: Dataset, target: str) -> tuple[FloatModel, Compiled]:
        """One whole sequence in, class scores out: the program that is measured."""
        if self.integers is not None:
            loaded, ranges = self.integers.convert()
            return loaded, microformer.compile(loaded, target=target, ranges=ranges)
        loaded = float_model(self.network, self.model, data)
        samples = calibration(self.model, data, self.fold[0])
        return loaded, microformer.compile(loaded, samples, target)


def measure_fold(
    subject: Subject, data: Dataset, number: int
) -> tuple[FoldResult, microformer.Report, int]:
    """Accuracy of float and int8 on the fold's test part; some of it bit by bit on the host.

    Also the report of that run, and the bytes of the program's input and output.
    """
    test = subject.fold[1]
    loaded, compiled = subject.compiled(data, "host")
    x, y = subject.model.reader.inputs(data.x[test]), data.y[test]
    report = microformer.run(compiled, x, y, count=min(CHECKED, len(x)))
    assert report.accuracy_int8 is not None
    right = predict(subject.network, subject.model, data, test) == y
    result = FoldResult(
        number,
        float(right.mean()),
        report.accuracy_int8,
        report.bit_exact,
        subject.integers is not None,
    )
    return result, report, math.prod(loaded.input_shape) + math.prod(loaded.output_shape)


def measure_target(subject: Subject, data: Dataset, target: str) -> OnTarget:
    """One whole sequence, end to end, on ``target``."""
    try:
        _, compiled = subject.compiled(data, target)
        compiled, refused = with_front_end(compiled, subject.model, data)
        sample = subject.model.reader.inputs(data.x[subject.fold[1][:1]])
        report = microformer.run(compiled, sample, count=1)
    except MicroformerError as error:
        return OnTarget(target, reason=str(error))
    return of_report(target, report, on_front(report, refused))


def of_report(target: str, report: microformer.Report, front: OnFront | None = None) -> OnTarget:
    """What a run says of a program on ``target``."""
    return OnTarget(
        target,
        bit_exact=report.bit_exact,
        cycles=report.cycles,
        cycles_kind=report.cycles_kind,
        latency_ms=report.latency_ms,
        energy_mj=report.energy_mj,
        ram_bytes=report.ram_bytes,
        flash_bytes=report.flash_bytes,
        front=front,
    )


def figures(
    model: Model,
    network: nn.Module,
    folds: Sequence[FoldResult],
    report: microformer.Report,
    in_and_out: int,
    targets: Sequence[OnTarget],
) -> Figures:
    """Everything of one network; ``report`` is of the host's program, ``in_and_out`` in bytes."""
    matrices = matrix_bytes(network)
    return Figures(
        model=model.name,
        parameters=sum(p.numel() for p in network.parameters()),
        matrix_bytes=matrices,
        constant_bytes=report.weight_bytes - matrices,
        peak_ram_bytes=report.arena_bytes + in_and_out,
        macs=report.macs,
        folds=tuple(folds),
        targets=tuple(targets),
    )
