"""The progress of all workers, as their master knows it from heartbeats, and the backup tasks among them.

The decisions are in `yarnml.master.stragglers`.
"""

import time
from collections.abc import Collection

from yarnml.control.calls import Progress, RequestBackup
from yarnml.control.commands import Assignment, Build
from yarnml.control.scoring import WORK, RowsCommand
from yarnml.events.events import ShardsDone, Tick
from yarnml.master.stragglers import choose_backup, stragglers

COMPARE_SECONDS = 20.0
"""Time over which workers are compared to find a straggler."""


class ProgressTable:
    """The newest progress of every worker, and the tasks that other workers have taken over.  Guarded by its owner.

    Attributes:
        copied: tasks that were computed twice so far.
    """

    def __init__(self) -> None:
        now = time.monotonic()
        self._assignment = Assignment.idle(0)
        self._newest: dict[int, Progress] = {}
        self._compared: dict[int, Progress] = {}  # the progress at the last comparison
        self._compared_at = now
        self._moved_at = now
        self._newest_tick = 0  # its step
        self._newest_percent = 0
        self._backups: dict[int, dict[int, bool]] = {}  # step → shard → True where its owner had not begun it
        self.copied = 0

    def begin(self, assignment: Assignment) -> None:
        """Begin an assignment; where a state is built, all that was known of the steps is over."""
        self._assignment = assignment
        self._moved_at = time.monotonic()
        self._backups = {}
        self._newest_percent = 0
        if isinstance(assignment.command, Build):
            self._newest_tick = 0
            self._newest = {}

    def hear(self, worker: int, progress: Progress) -> None:
        """Note how far a worker is; whatever it mapped since its last heartbeat counts as movement."""
        before = self._newest.get(worker)
        if before is None or (before.step, before.batches) != (progress.step, progress.batches):
            self._moved_at = time.monotonic()
        self._newest[worker] = progress

    @property
    def idle_seconds(self) -> float:
        """Seconds since the assignment began or any worker moved on."""
        return time.monotonic() - self._moved_at

    def news(self, workers: Collection[int], *, is_over: bool) -> list[Tick | ShardsDone]:
        """List what has changed for a user since the last call; ``is_over``: all of the assignment is done."""
        return [event for event in (self.tick(workers), self.shards_done(is_over=is_over)) if event]

    def tick(self, workers: Collection[int]) -> Tick | None:
        """The newest step that one of these workers has finished, once."""
        known = (progress for worker in workers if (progress := self._newest.get(worker)))
        newest = max(known, key=lambda progress: progress.step, default=None)
        if newest is None or newest.step <= self._newest_tick:
            return None
        self._newest_tick = newest.step
        return Tick(newest.step, newest.loss, newest.rows, len(workers))

    def shards_done(self, *, is_over: bool) -> ShardsDone | None:
        """Count the shards that an assignment without steps has done, once for each percent; None without news."""
        command = self._assignment.command
        total = sum(map(len, self._assignment.shards.values()))
        if not isinstance(command, RowsCommand) or not total:
            return None
        generation = self._assignment.generation
        counts = [p.mapped for p in self._participants().values() if p.generation == generation]
        done = total if is_over else min(sum(counts), total)
        percent = 100 * done // total
        if percent <= self._newest_percent:
            return None
        self._newest_percent = percent
        return ShardsDone(WORK[type(command)], done, total, len(self._assignment.shards))

    def choose_backup(self, call: RequestBackup) -> int | None:
        """Choose a shard for an idle worker to compute, and note that; None where there is none for it."""
        if call.generation != self._assignment.generation:
            return None
        self._backups = {step: shards for step, shards in self._backups.items() if step >= call.step - 1}
        backups = self._backups.setdefault(call.step, {})
        current = {w: p for w, p in self._participants().items() if p.generation == call.generation}
        choice = choose_backup(self._assignment.shards, current, backups, call.index, call.step, copy=call.copy)
        if choice is None:
            return None
        shard, waits = choice
        backups[shard] = waits
        self.copied += not waits
        return shard

    def taken_over(self, worker: int, progress: Progress) -> list[int]:
        """List the shards of a worker, at its step, that others took over before it had begun them."""
        if progress.generation != self._assignment.generation:
            return []
        backups = self._backups.get(progress.at, {})
        return [shard for shard in self._assignment.shards.get(worker, []) if backups.get(shard)]

    def stragglers(self) -> list[int]:
        """Find the workers of this assignment that are too slow to wait for."""
        # Without the first task of each, which takes a compiler.
        now = {worker: progress for worker, progress in self._participants().items() if progress.tasks}
        slow = stragglers(self._compared, now)
        joined = now.keys() - self._compared.keys()
        if slow or joined or time.monotonic() - self._compared_at > COMPARE_SECONDS:
            self._compared = now
            self._compared_at = time.monotonic()
        return slow

    def _participants(self) -> dict[int, Progress]:
        """The newest progress of the workers that take part in this assignment."""
        return {worker: self._newest[worker] for worker in self._assignment.shards if worker in self._newest}
