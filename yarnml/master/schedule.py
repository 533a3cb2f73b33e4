"""The times of rounds, checkpoints and early stopping, as pure functions of counts and metrics."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from yarnml.checkpoint.manifest import Layer, Manifest, Position, layer_of
from yarnml.events.text import count_of
from yarnml.job.metrics import rises
from yarnml.job.spec import EarlyStopping


class Round(NamedTuple):
    """Steps ``first`` … ``last`` - 1, which workers take without the master.

    ``epoch``: the one that ends with the round, or None.
    ``save``: whether a checkpoint is due after it, as the job file says.
    ``final``: whether no steps are left after it.
    """

    number: int
    first: int
    last: int
    epoch: int | None
    save: bool
    final: bool


class AfterRound(NamedTuple):
    """The decision after a round.

    ``stop``: whether the training is over, though steps may be left.
    ``save``: whether a checkpoint is made.
    ``wait_for_save``: whether the next command waits until it is written: the job comes back to this very state.
    ``keep_step``: the step of an older checkpoint that must stay, None where none must.
    """

    stop: bool
    save: bool
    wait_for_save: bool
    keep_step: int | None


def rounds(done: int, epochs: int, steps_per_epoch: int, every: int) -> Iterator[Round]:
    """Cut the steps from ``done`` on into rounds, at the end of every epoch and at every checkpoint.

    Where a round ends does not depend on where a job was resumed: one that was left in its middle is taken up there.

    ``every``: steps between two checkpoints.
    """
    total = epochs * steps_per_epoch
    number = 0
    first = 0
    while first < total:
        last = min(total, (first // steps_per_epoch + 1) * steps_per_epoch, (first // every + 1) * every)
        epoch = last // steps_per_epoch if last % steps_per_epoch == 0 else None
        final = last == total
        if last > done:
            yield Round(number, max(first, done), last, epoch, last % every == 0 or final, final)
        first = last
        number += 1


def cut(round: Round, step: int) -> Round:
    """Cut a round short, after ``step``: what is due at its end is not due there."""
    return round if step == round.last else Round(round.number, round.first, step, None, save=False, final=False)


def after_round(
    round: Round, position: Position, rule: EarlyStopping | None, steps_per_epoch: int, *, leave: bool = False
) -> AfterRound:
    """Decide what follows a round.

    ``position``: of the job after it, with the metrics of the epoch that it ended.
    ``leave``: whether the job ends here for now, to go on another time.
    """
    ends_epoch = round.epoch is not None
    is_best = ends_epoch and position.best_epoch == round.epoch
    stop = ends_epoch and is_over(position, rule)
    keep_step = None
    if rule and rule.restore_best and position.best_epoch:
        keep_step = position.best_epoch * steps_per_epoch
    save = round.save or stop or is_best or leave
    return AfterRound(stop, save, stop or is_best or round.final or leave, keep_step)


def is_over(position: Position, rule: EarlyStopping | None) -> bool:
    """Tell whether a training stops at the end of the epoch that it is at."""
    return position.converged or bool(rule and should_stop(position.history, rule))


def convergence(position: Position, advice: str | None, *, stopped_early: bool) -> tuple[bool | None, list[str]]:
    """Tell whether a training has converged, None where that is no question, and what its user should be told.

    ``advice``: of the learner, for one that has not; None for a learner that does not converge.
    """
    if advice is None or (stopped_early and not position.converged):
        return None, position.remarks
    if position.converged:
        return True, position.remarks
    epochs = count_of(len(position.history), "epoch")
    return False, [f"not converged after {epochs}: {advice}", *position.remarks]


def best_epoch(history: Sequence[dict[str, float]], rule: EarlyStopping) -> int | None:
    """Find the epoch (from 1) that last improved on the best before it by more than ``min_delta``.

    None where no epoch has the metric.
    """
    sign = -1.0 if rises(rule.metric) else 1.0
    best = float("inf")
    epoch_of_best = None
    for epoch, metrics in enumerate(history, start=1):
        value = sign * metrics.get(rule.metric, float("inf") * sign)
        if value < best - (rule.min_delta if epoch_of_best else 0.0):
            best = value
            epoch_of_best = epoch
    return epoch_of_best


def should_stop(history: Sequence[dict[str, float]], rule: EarlyStopping) -> bool:
    """Tell whether ``patience`` epochs have passed without an improvement, at an epoch that was evaluated."""
    evaluated = bool(history and history[-1])
    return evaluated and len(history) - (best_epoch(history, rule) or 0) >= rule.patience


def layers(newest: Manifest | None, step: int, full_every: int) -> list[Layer]:
    """Decide on which earlier checkpoints that of a step builds: none where it shall have all rows of a table.

    ``newest``: the manifest of the one before; None where there is none.
    """
    if newest is None or newest.position.step >= step or len(newest.layers) + 1 >= full_every:
        return []
    return [*newest.layers, layer_of(newest)]
