"""When things happen: rounds, checkpoints, early stopping.  Pure functions of counts and metrics."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from yarnml.job.spec import EarlyStopping

HIGHER_IS_BETTER = frozenset({"accuracy", "roc_auc", "r2"})


class Round(NamedTuple):
    """Steps ``first`` … ``last`` - 1 between two meetings; ``epoch`` is the one that ends with it, or None."""

    number: int
    first: int
    last: int
    epoch: int | None
    save: bool


def period(every: str, steps_per_epoch: int) -> int:
    """'2 epochs' or '500 steps' in steps."""
    count, unit = every.split()
    return int(count) * (steps_per_epoch if unit.startswith("epoch") else 1)


def rounds(done: int, epochs: int, steps_per_epoch: int, every: int) -> Iterator[Round]:
    """The rounds from step ``done`` on: cut at the end of every epoch and at every checkpoint.

    Where a round begins does not depend on where a job was resumed.
    """
    total, number = epochs * steps_per_epoch, 0
    first = 0
    while first < total:
        last = min(total, (first // steps_per_epoch + 1) * steps_per_epoch, (first // every + 1) * every)
        epoch = last // steps_per_epoch if last % steps_per_epoch == 0 else None
        if first >= done:
            yield Round(number, first, last, epoch, last % every == 0 or last == total)
        first, number = last, number + 1


def best_epoch(history: Sequence[dict[str, float]], rule: EarlyStopping) -> int | None:
    """The epoch (from 1) that last improved on the best before it by more than ``min_delta``; None without a metric."""
    sign = -1.0 if rule.metric in HIGHER_IS_BETTER else 1.0
    best, at = float("inf"), None
    for epoch, metrics in enumerate(history, start=1):
        value = sign * metrics.get(rule.metric, float("inf") * sign)
        if value < best - (rule.min_delta if at else 0.0):
            best, at = value, epoch
    return at


def should_stop(history: Sequence[dict[str, float]], rule: EarlyStopping) -> bool:
    """Whether ``patience`` epochs have passed without an improvement, told at epochs that were evaluated."""
    evaluated = bool(history and history[-1])
    return evaluated and len(history) - (best_epoch(history, rule) or 0) >= rule.patience
