"""One trial: build, predict what it costs, reject or train, tell."""

import random
from typing import Any

import numpy as np

from microformer import api
from microformer.errors import ToolError
from microformer.search.settings import Limits, Settings
from microformer.search.spec import Spec
from microformer.search.storage import WORKER, open_study, optuna, take_over, this_worker

WHY = "why"
SAMPLES = 4
"""Random ones for the estimate's scales, which change no shape."""
COSTS = ("cycles", "ram_bytes", "flash_bytes")


def next_trial(spec: Spec, where: str, settings: Settings) -> bool:
    """Do one trial of the study; False where all are done or being done by others.

    An error of the user's code ends the trial and not the study; it is noted.
    """
    library = optuna()
    study = open_study(where, settings)
    take_over(study)
    state = library.trial.TrialState
    counted = (state.COMPLETE, state.PRUNED, state.RUNNING)
    if len(study.get_trials(deepcopy=False, states=counted)) >= settings.trials:
        return False
    trial = study.ask()
    trial.set_user_attr(WORKER, this_worker())
    try:
        values = _values(trial, spec, settings)
    except library.TrialPruned as reason:
        if str(reason):
            trial.set_user_attr(WHY, str(reason))
        study.tell(trial, state=state.PRUNED)
    except Exception as error:  # whatever the user's code raises
        trial.set_user_attr(WHY, f"{type(error).__name__}: {error}")
        study.tell(trial, state=state.PRUNED if settings.prune == "none" else state.FAIL)
        if settings.prune != "none":
            _give_up_after(study, library)
    else:
        study.tell(trial, values)
    return True


def _give_up_after(study: Any, library: Any, most: int = 20) -> None:
    """An end to a study whose every trial fails. Raises ToolError."""
    failed = study.get_trials(deepcopy=False, states=(library.trial.TrialState.FAIL,))
    if len(failed) >= most:
        raise ToolError(f"{most} trials failed, the last: {failed[-1].user_attrs.get(WHY)}")


def _values(trial: Any, spec: Spec, settings: Settings) -> list[float]:
    """Held-out loss, and cycles where the front of both is searched."""
    seed_everything(settings.seed * 1_000_003 + trial.number)
    module, train, evaluate = spec.build(trial)
    cost = predicted(module, spec, settings)
    for name, value in cost.items():
        trial.set_user_attr(name, value)
    problem = over(cost, settings.limits)
    if problem:
        raise optuna().TrialPruned(problem)

    def report(step: int, loss: float) -> None:
        if settings.prune == "none":
            return
        trial.report(loss, step)
        if trial.should_prune():
            raise optuna().TrialPruned(f"a loss of {loss:.4g} at step {step}")

    train(report)
    loss = float(evaluate())
    if settings.prune != "none":
        return [loss]
    cycles = cost["cycles"]
    return [loss, float("inf") if cycles is None else float(cycles)]


def predicted(module: Any, spec: Spec, settings: Settings) -> dict[str, int | None]:
    """Cycles, RAM and flash of a module on the target, by the estimate (else rough cycles)."""
    training = module.training
    x = np.random.default_rng(0).normal(0.0, 1.0, (SAMPLES, *spec.example)).astype(np.float32)
    made = api.estimate(module.eval(), settings.target, x)
    module.train(training)
    cost = {name: getattr(made, name) for name in COSTS}
    if cost["cycles"] is None:  # a core without a price list
        cost["cycles"] = made.rough_cycles
    return cost


def over(cost: dict[str, int | None], limits: Limits) -> str:
    """What breaks a limit, empty if nothing does."""
    for name in COSTS:
        most, value = getattr(limits, name), cost[name]
        if most is not None and value is not None and value > most:
            return f"{value:,} {name.replace('_bytes', ', bytes')} where {most:,} are allowed"
    return ""


def seed_everything(seed: int) -> None:
    """Python's, NumPy's and torch's own random numbers."""
    import torch  # noqa: PLC0415  candidates are torch modules

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)
