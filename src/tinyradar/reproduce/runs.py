"""The trainings that figures need: loaded where they ship or were done, else done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from microformer.torch import QuantizedModule
from tinyradar.dataset.cache import Dataset
from tinyradar.dataset.folds import Fold
from tinyradar.models import Model
from tinyradar.reproduce.fixed import Progress
from tinyradar.reproduce.measure import Subject
from tinyradar.train import Progress as Epochs
from tinyradar.train import Trained, expected_seconds, train
from tinyradar.train.integers import (
    expected_integer_seconds,
    find_integers,
    integer_arrays,
    train_integers,
    write_integers,
)
from tinyradar.train.weights import BRING, find_weights, shipped_path, write_weights


@dataclass(frozen=True, eq=False)
class Run:
    """One model on one fold: float, then in integers where the model asks for it.

    ``fold_name`` is the fold's in files; ``place`` holds checkpoints and weights.
    """

    model: Model
    data: Dataset
    fold: Fold
    fold_name: str
    place: Path
    bfloat16: bool
    seed: int = 0

    @property
    def name(self) -> str:
        """Of model and fold."""
        return f"{self.model.name}-{self.fold_name}"

    def floats(self) -> nn.Module | None:
        """The float network, if it was trained."""
        place = self.place / "weights"
        return find_weights(place, self.model, self.data, self.fold, self.fold_name)

    def integers(self, network: nn.Module) -> QuantizedModule | None:
        """What was trained in integers of ``network``, if anything was."""
        place = self.place / "weights"
        return find_integers(place, network, self.model, self.data, self.fold, self.fold_name)

    def train_floats(self, progress: Epochs) -> tuple[Trained, nn.Module]:
        """Train, or go on; also the network as it is kept, which is rounded to float16."""
        place = self.place / "checkpoints" / self.name
        made = train(
            self.model,
            self.data,
            self.fold,
            place,
            seed=self.seed,
            bfloat16=self.bfloat16,
            progress=progress,
        )
        return self.kept(made)

    def kept(self, made: Trained) -> tuple[Trained, nn.Module]:
        """Write the float weights; ``made``, and the network as it is kept."""
        path = self.place / "weights" / f"{self.name}.npz"
        write_weights(made, path, self.model, self.data, self.fold)
        network = self.floats()
        assert network is not None
        return made, network

    def train_integers(
        self, network: nn.Module, progress: Epochs
    ) -> tuple[Trained, QuantizedModule]:
        """The same in integers."""
        place = self.place / "checkpoints" / f"{self.name}-int8"
        made = train_integers(
            network, self.model, self.data, self.fold, place, seed=self.seed, progress=progress
        )
        path = self.place / "weights" / f"{self.name}-int8.npz"
        write_integers(made, network, path, self.model)
        module = self.integers(network)
        assert module is not None
        return made, module

    def subject(self, retrain: bool, new_bar: Callable[[str], Progress]) -> Subject:
        """What is measured; trained where it is not there, or with ``retrain`` in any case."""
        if retrain:
            self._forget()
        network = None if retrain else self.floats()
        if network is None:
            _, network = self.train_floats(_epochs(new_bar(f"train {self.name}")))
        if not self.model.integers:
            return Subject(self.model, self.fold, network)
        module = None if retrain else self.integers(network)
        if module is None:
            advance = new_bar(f"train {self.name} in integers")
            _, module = self.train_integers(network, _epochs(advance))
        return Subject(self.model, self.fold, network, module)

    def _forget(self) -> None:
        """Remove the checkpoints of trainings that were done; one that was killed goes on."""
        for name in (self.name, f"{self.name}-int8"):
            path = self.place / "weights" / f"{name}.npz"
            if path.is_file():
                (self.place / "checkpoints" / name / "checkpoint.npz").unlink(missing_ok=True)
                path.unlink()

    def due(self, retrain: bool) -> tuple[bool, bool]:
        """Whether ``subject`` will train (in float, in integers)."""
        network = None if retrain else self.floats()
        if network is None:
            return True, self.model.integers
        place = self.place / "weights"
        known = integer_arrays(place, network, self.model, self.fold_name) is not None
        return False, self.model.integers and not known

    def seconds(self, due: tuple[bool, bool]) -> float:
        """What that will take, by a few steps on this machine."""
        floats = integers = 0.0
        if due[0]:
            floats = expected_seconds(self.model, self.data, self.fold, bfloat16=self.bfloat16)
        if due[1]:
            integers = expected_integer_seconds(self.model, self.data, self.fold)
        return floats + integers


def _epochs(advance: Progress) -> Epochs:
    return lambda done, total, _loss: advance(done, total)


def say_time(runs: Sequence[Run], retrain: bool, say: Callable[[str], None]) -> None:
    """Say how long training will take, before it starts; each model is timed on one fold."""
    same: dict[tuple[str, tuple[bool, bool]], list[Run]] = {}
    for run in runs:
        if any(due := run.due(retrain)):
            same.setdefault((run.model.name, due), []).append(run)
    if same:
        seconds = sum(len(many) * many[0].seconds(due) for (_, due), many in same.items())
        count = sum(len(many) for many in same.values())
        say(f"{count} trainings are to be done: about {seconds / 60:.0f} minutes on this machine.")
        if not retrain and not shipped_path("transformer-frames-fold1.npz").is_file():
            say(f"Without them: {BRING}.")
