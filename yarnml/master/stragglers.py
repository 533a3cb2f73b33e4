"""Backup tasks for idle workers, and the choice of workers that are too slow to wait for.  Pure.

A task is one shard at one step.  Any worker can compute any task to the same bits, so a copy is never wrong, only
sometimes wasted (backup tasks: Dean and Ghemawat, "MapReduce", OSDI 2004, section 3.6).
"""

from collections.abc import Collection, Mapping, Sequence
from statistics import median

from yarnml.control.calls import Progress

STRAGGLER_FACTOR = 3.0
"""Times the usual time of a task from which on a worker is a straggler."""

MIN_TASKS_TO_COMPARE = 3
"""Tasks that a worker has done before its speed means anything."""

MIN_SECONDS_LOST = 2.0
"""Seconds that a straggler has cost the others: to go on without it costs about as much."""


def choose_backup(
    owned: Mapping[int, Sequence[int]],
    progress: Mapping[int, Progress],
    copied: Collection[int],
    idle: int,
    step: int,
    *,
    copy: bool,
) -> tuple[int, bool] | None:
    """Choose a shard for an idle worker to compute at ``step``; with it, True where its owner has not begun it.

    First comes one that waits at the worker that has most to do: the last one, which its owner would reach last.

    Args:
        owned: worker → its shards, in the order in which it computes them.
        progress: worker → its progress, as far as that is known.
        copied: shards of this step that are taken over already.
        idle: the worker that asks.
        copy: whether a task that its owner is computing will do, too.
    """
    left: dict[int, list[int]] = {}
    for worker, shards in owned.items():
        own = progress.get(worker)
        done = own.mapped if own and own.at == step else len(shards) if own and own.at > step else 0
        if worker != idle and done < len(shards):
            left[worker] = list(shards[done:])
    waiting = {worker: [s for s in shards[1:] if s not in copied] for worker, shards in left.items()}
    busiest = max(waiting, key=lambda worker: (len(waiting[worker]), -worker), default=None)
    if busiest is not None and waiting[busiest]:
        return waiting[busiest][-1], True
    running = [shards[0] for _, shards in sorted(left.items()) if shards[0] not in copied]
    return (running[0], False) if copy and running else None


def stragglers(before: Mapping[int, Progress], now: Mapping[int, Progress]) -> list[int]:
    """Find the workers that took several times as long for a task as the usual one of the others since ``before``.

    They must have cost the others `MIN_SECONDS_LOST`, too.
    """
    tasks = {worker: progress.tasks - before[worker].tasks for worker, progress in now.items() if worker in before}
    task_seconds = {
        worker: (now[worker].busy - before[worker].busy) / count
        for worker, count in tasks.items()
        if count >= MIN_TASKS_TO_COMPARE
    }
    slow = []
    for worker, seconds in task_seconds.items():
        rest = [other for name, other in task_seconds.items() if name != worker]
        usual = median(rest) if rest else seconds
        if seconds > STRAGGLER_FACTOR * usual and (seconds - usual) * tasks[worker] > MIN_SECONDS_LOST:
            slow.append(worker)
    return slow
