"""What ``tune`` hands on: a float model whose quantisation loses less, and what was tried."""

from dataclasses import dataclass

from microformer.graph.float_model import FloatModel, Ranges


@dataclass(frozen=True)
class TuneStep:
    """One measured trial: the output's SQNR (dB) before and after; kept only where it rose."""

    what: str
    where: str
    before_db: float
    after_db: float
    kept: bool

    def __str__(self) -> str:
        verdict = "kept" if self.kept else "left"
        gain = f"{self.before_db:.2f} -> {self.after_db:.2f} dB"
        return f"{verdict}: {self.what} of {self.where}, {gain}"


@dataclass(frozen=True, eq=False)
class Tuned:
    """``model`` and ``ranges`` are what to quantise, with the tensors ``int16_tensors`` in int16.

    ``notes`` are sentences about what was left untried.
    ``reference`` computes what the user's model does (scales moved between layers, nothing else):
    what the integers are compared with, tensor by tensor.
    """

    reference: FloatModel
    model: FloatModel
    ranges: Ranges
    steps: tuple[TuneStep, ...] = ()
    int16_tensors: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        kept = sum(step.kept for step in self.steps)
        lines = [f"{len(self.steps)} trials, {kept} kept", *(f"  {s}" for s in self.steps)]
        lines += [
            f"{len(self.int16_tensors)} tensors in int16",
            *(f"  {s}" for s in self.int16_tensors),
        ]
        return "\n".join([*lines, str(self.ranges)])
