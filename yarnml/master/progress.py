"""How the workers get on, as their master knows it from their beats: who is furthest, who is slow, who helps whom.

It remembers; the decisions are in `yarnml.master.stragglers`.
"""

import time
from collections.abc import Collection

from yarnml.control.calls import Progress, RequestBackup
from yarnml.control.commands import Assignment, Build, Idle
from yarnml.events.events import Tick
from yarnml.master.stragglers import slow, spare

COMPARE_SECONDS = 20.0  # over which workers are compared to find a slow one


class ProgressTable:
    """The newest pace of every worker, and the tasks that others took over.  Guarded by its owner."""

    def __init__(self) -> None:
        self._assignment = Assignment(0, Idle(), {}, [])
        self._newest: dict[int, Progress] = {}
        self._compared: dict[int, Progress] = {}  # the same, some time ago
        self._compared_at = self._moved = time.monotonic()
        self._told = 0  # the step of the newest tick
        self._copies: dict[int, dict[int, bool]] = {}  # step → shards that are computed twice, and whether they waited
        self.copied = 0

    def begin(self, assignment: Assignment) -> None:
        """A meeting begins; where a state is built, all that was known of the steps is over."""
        self._assignment, self._moved, self._copies = assignment, time.monotonic(), {}
        if isinstance(assignment.command, Build):
            self._told, self._newest = 0, {}

    def hear(self, worker: int, progress: Progress) -> None:
        """Remember how far a worker is; whatever it mapped since its last beat counts as movement."""
        before = self._newest.get(worker)
        if before is None or (before.step, before.batches) != (progress.step, progress.batches):
            self._moved = time.monotonic()
        self._newest[worker] = progress

    @property
    def still(self) -> float:
        """Seconds since the meeting began or any worker got on."""
        return time.monotonic() - self._moved

    def tick(self, workers: Collection[int]) -> Tick | None:
        """The newest step that one of these has finished, once."""
        found = (p for w in workers if (p := self._newest.get(w)))
        newest = max(found, key=lambda p: p.step, default=None)
        if newest is None or newest.step <= self._told:
            return None
        self._told = newest.step
        return Tick(newest.step, newest.loss, newest.rows, len(workers))

    def spare(self, call: RequestBackup) -> int | None:
        """A shard for an idle worker to compute, which from now on counts as taken over."""
        if call.generation != self._assignment.generation:
            return None
        self._copies = {step: copies for step, copies in self._copies.items() if step >= call.step - 1}
        copies = self._copies.setdefault(call.step, {})
        now = {w: p for w, p in self._here().items() if p.generation == call.generation}
        found = spare(self._assignment.shards, now, copies, call.index, call.step, copy=call.copy)
        if found is None:
            return None
        shard, waits = found
        copies[shard] = waits
        self.copied += not waits
        return shard

    def given(self, worker: int, progress: Progress) -> list[int]:
        """The shards of a worker at this pace that others took over before it had begun them."""
        if progress.generation != self._assignment.generation:
            return []
        taken = self._copies.get(progress.at, {})
        return [s for s in self._assignment.shards.get(worker, []) if taken.get(s)]

    def slow(self) -> list[int]:
        """Who in this meeting is too slow to be waited for."""
        now = {w: p for w, p in self._here().items() if p.tasks}  # after the first, which takes a compiler
        late = slow(self._compared, now)
        if late or now.keys() - self._compared.keys() or time.monotonic() - self._compared_at > COMPARE_SECONDS:
            self._compared, self._compared_at = now, time.monotonic()
        return late

    def _here(self) -> dict[int, Progress]:
        """The paces of those who are in this meeting."""
        return {w: p for w in self._assignment.shards if (p := self._newest.get(w))}
