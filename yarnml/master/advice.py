"""Advice about the exchange of steps: which fields of ``training`` would make it shorter.  Everything here is pure."""

from collections.abc import Mapping
from math import inf
from typing import Any

from msgspec.structs import replace

from yarnml.errors import JobFileError
from yarnml.events.text import count_of
from yarnml.job.batches import check_batches
from yarnml.job.keys import check_state
from yarnml.job.spec import Job
from yarnml.master.costs import BYTES_OF_A_NUMBER, SECONDS_OF_A_ROUNDING, Machines, costs_of
from yarnml.master.trial import TrialReport

LARGE_PART = 0.4
"""Of a step's seconds: an exchange that takes less calls for no advice."""

MIN_SAVING = 0.1
"""Of a step's seconds: a change that saves less is not worth a sentence, and two that differ by less are as good."""

MIN_SECONDS = 60.0
"""Of the exchange of a whole job: less is worth no sentence."""

PHASES = ("read", "compute", "exchange", "wait", "update")

CHANGES: list[dict[str, Any]] = [
    {"gradients": "bfloat16"},
    {"gradients": "int8"},
    {"gradients": "int4"},
    {"delay": 1},
    {"gradients": "bfloat16", "delay": 1},
    {"gradients": "int8", "delay": 1},
    {"gradients": "int4", "delay": 1},
]
"""Changes of ``training``, those first that change the result least."""


def advice(job: Job, trial: TrialReport, shards: int, machines: Machines) -> list[str]:
    """Sentences about what would make a step shorter; none where its exchange is a small part of it."""
    costs = costs_of(job, trial, shards, machines)
    exchange = costs.phases["exchange"]
    if exchange < LARGE_PART * sum(costs.phases.values()):
        return []
    sentences = []
    step = costs.step
    steps = {number: _step_with(job, trial, shards, machines, change) for number, change in enumerate(CHANGES)}
    best = min(steps.values())
    if best < (1 - MIN_SAVING) * step:
        first = next(number for number, seconds in steps.items() if seconds < best + MIN_SAVING * step)
        sentences.append(
            f"The exchange is {100 * exchange / sum(costs.phases.values()):.0f} % of a step: with "
            f"{_named(CHANGES[first])} it would take {steps[first]:.3g} s, not {step:.3g}."
        )
    if job.training.local_steps == 1 and _changed(job, {"local_steps": 4}):
        sentences.append("training.local_steps: 4, or a larger training.batch_size, would exchange less often.")
    alone = replace(job, workers=replace(job.workers, count=1), reducers=replace(job.reducers, count=0))
    if job.workers.count > 1 and costs_of(alone, trial, shards, machines).step <= step:
        sentences.append(f"One worker would be as quick as {count_of(min(job.workers.count, shards), 'worker')}.")
    return sentences


def remark_on_exchange(job: Job, seconds: Mapping[str, float]) -> str:
    """A sentence about the exchange of a job that has been trained; empty where it took little.

    ``seconds``: by phase of all steps.
    """
    exchange = seconds.get("exchange", 0.0)
    steps = sum(seconds.get(phase, 0.0) for phase in PHASES)
    changes = ({"gradients": "int8"}, {"delay": 1}, {"local_steps": 4})
    possible = [_named(change) for change in changes if _changed(job, change)]
    if exchange < max(MIN_SECONDS, LARGE_PART * steps) or not possible:
        return ""
    return (
        f"the exchange took {100 * exchange / steps:.0f} % of the steps: {' or '.join(possible)} would make it shorter"
    )


def _step_with(job: Job, trial: TrialReport, shards: int, machines: Machines, change: dict[str, Any]) -> float:
    """Seconds of a step with these fields of ``training``; infinite where the job can't have them."""
    changed = _changed(job, change)
    if changed is None:
        return inf
    return costs_of(changed, with_gradients(trial, job, changed), shards, machines).step


def with_gradients(trial: TrialReport, job: Job, changed: Job) -> TrialReport:
    """The trial as it would have been with the gradients of another job."""
    before = job.training.gradients
    after = changed.training.gradients
    if before == after:
        return trial
    size = round(trial.sum_bytes * BYTES_OF_A_NUMBER[after] / BYTES_OF_A_NUMBER[before])
    rounding = trial.numbers * SECONDS_OF_A_ROUNDING.get(after, 0.0)
    seconds = trial.seconds | {"compute": trial.seconds["compute"] + rounding}
    return trial._replace(sum_bytes=size, seconds=seconds)


def _changed(job: Job, change: dict[str, Any]) -> Job | None:
    """The job with other fields of ``training``; None where it has them, has less already, or is refused with them."""
    training = job.training
    gradients = change.get("gradients", training.gradients)
    is_smaller = BYTES_OF_A_NUMBER.get(gradients, 0.0) < BYTES_OF_A_NUMBER.get(training.gradients, 0.0)
    if gradients != training.gradients and not is_smaller:
        return None
    if training.delay >= change.get("delay", inf) or training.local_steps >= change.get("local_steps", inf):
        return None
    changed = replace(job, training=replace(training, **change))
    if changed == job:
        return None
    try:
        check_batches(changed)
        check_state(changed)
    except JobFileError:
        return None
    return changed


def _named(change: dict[str, Any]) -> str:
    return " and ".join(f"training.{field}: {value}" for field, value in change.items())
