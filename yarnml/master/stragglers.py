"""Who helps whom: copies of late tasks for idle workers, and who is too slow to be waited for.  Pure.

A task is one shard at one step.  Any worker can compute any task to the same bits, so a copy is never wrong, only
sometimes wasted (backup tasks: Dean and Ghemawat, "MapReduce", OSDI 2004, section 3.6).
"""

from collections.abc import Collection, Mapping, Sequence
from statistics import median

from yarnml.control.calls import Progress

TIMES = 3.0  # the usual time of a task, from which on a worker is slow
TASKS = 3  # that a worker has done before it is judged
COST = 2.0  # seconds that a slow worker has cost the others before it is judged


def spare(
    owned: Mapping[int, Sequence[int]],
    paces: Mapping[int, Progress],
    copied: Collection[int],
    asker: int,
    step: int,
    *,
    copy: bool,
) -> tuple[int, bool] | None:
    """A shard that ``asker`` may compute at ``step``, and whether its owner has not begun it.

    First one that waits at the worker that has most to do; with ``copy`` also the one that is being computed there.
    ``owned``: worker → its shards in order; ``copied``: shards of this step that somebody else computes already.
    """
    left: dict[int, list[int]] = {}
    for worker, shards in owned.items():
        at = paces.get(worker)
        done = at.mapped if at and at.at == step else len(shards) if at and at.at > step else 0
        if worker != asker and done < len(shards):
            left[worker] = list(shards[done:])
    waiting = {w: [s for s in shards[1:] if s not in copied] for w, shards in left.items()}
    most = max(waiting, key=lambda w: (len(waiting[w]), -w), default=None)
    if most is not None and waiting[most]:
        return waiting[most][-1], True
    running = [shards[0] for _, shards in sorted(left.items()) if shards[0] not in copied]
    return (running[0], False) if copy and running else None


def slow(before: Mapping[int, Progress], now: Mapping[int, Progress]) -> list[int]:
    """Who took several times as long for a task as the others since ``before``, and cost them COST seconds."""
    done = {w: p.tasks - before[w].tasks for w, p in now.items() if w in before}
    paces = {w: (now[w].busy - before[w].busy) / n for w, n in done.items() if n >= TASKS}
    found = []
    for worker, progress in paces.items():
        others = [p for w, p in paces.items() if w != worker]
        usual = median(others) if others else progress
        if progress > TIMES * usual and (progress - usual) * done[worker] > COST:
            found.append(worker)
    return found
