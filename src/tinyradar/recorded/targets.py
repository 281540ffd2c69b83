"""The program of a trained network on each target: one trace, end to end."""

from dataclasses import dataclass

import microformer
from microformer import MicroformerError
from tinyradar.dataset.traces import TraceSet
from tinyradar.models import TRACE_MODELS
from tinyradar.recorded.protocol import chosen
from tinyradar.recorded.tasks import Answers
from tinyradar.reproduce.measure import OnTarget, of_report
from tinyradar.train.integers import calibration


@dataclass(frozen=True)
class Program:
    """A calibrated network of a protocol's first fold, and what one trace costs on a target."""

    model: str
    protocol: str
    parameters: int
    macs: int
    on: OnTarget


def program(data: TraceSet, answers: Answers, target: str) -> Program:
    """Compile the calibrated network of ``answers`` and run one held-out trace."""
    task = answers.task
    mine = chosen(data, task.protocol)
    model = TRACE_MODELS[task.model]
    network = answers.network(len(mine.gestures))
    parameters = sum(p.numel() for p in network.parameters())
    about = (task.model, task.protocol.name, parameters)
    try:
        samples = calibration(model, mine, task.part.train)
        compiled = microformer.compile(network, samples, target)
        sample = model.reader.inputs(mine.x[task.part.open[:1]])
        report = microformer.run(compiled, sample, count=1)
    except MicroformerError as error:
        return Program(*about, 0, OnTarget(target, reason=str(error)))
    return Program(*about, report.macs, of_report(target, report))
