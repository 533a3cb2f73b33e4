"""Heartbeats of a job's processes: overdue ones, processes that never started, and members that are suspended.

Pure: ``now`` is a monotonic time in seconds.
"""

from collections import Counter
from collections.abc import Collection

from yarnml.control.roles import ProcessId

MAX_CHECK_GAP_SECONDS = 2.0
"""Time between two checks from which on heartbeats may have been missed by the master itself."""

FIRST_SUSPENSION_SECONDS = 60.0
"""Time that a straggler does not take part, the first time; each further one is twice as long as the one before."""

START_PATIENCE_FACTOR = 5.0
"""How many times longer the first heartbeat may take than others: files come to a node first, then Python starts."""


class Liveness:
    """The newest heartbeat of every process, and the processes that may not take part for now.  Guarded by its owner.

    Two reasons to suspend a process are kept apart, since they end in different ways: one without heartbeats comes back
    with its next heartbeat, a straggler after some time.
    """

    def __init__(self, now: float) -> None:
        self._last_heartbeat: dict[ProcessId, float] = {}
        self._running_since: dict[ProcessId, float] = {}
        self._silent: set[ProcessId] = set()
        self._suspended_until: dict[ProcessId, float] = {}  # stragglers alone
        self._suspensions: Counter[ProcessId] = Counter()  # how often each was a straggler
        self._last_check = now

    def heartbeat(self, process: ProcessId, now: float) -> None:
        """Note a sign of life."""
        self._last_heartbeat[process] = now
        self._silent.discard(process)

    @property
    def seen(self) -> set[ProcessId]:
        """All processes that ever sent a heartbeat."""
        return {*self._last_heartbeat}

    def note_running(self, processes: Collection[ProcessId], now: float) -> None:
        """Note the processes that run now, as their launcher knows it."""
        self._running_since = {process: self._running_since.get(process, now) for process in processes}

    def overdue(self, processes: Collection[ProcessId], seconds: float, now: float) -> dict[ProcessId, float]:
        """Find those of ``processes`` without a heartbeat for ``seconds``, each with its seconds of silence.

        After a time in which the master did not listen itself, as when its machine was stopped, all processes get the
        whole time again: their heartbeats may still wait to be heard.
        """
        if now - self._last_check > MAX_CHECK_GAP_SECONDS:
            self._last_heartbeat = dict.fromkeys(self._last_heartbeat, now)
        self._last_check = now
        silence = {process: now - self._last_heartbeat[process] for process in sorted(processes)}
        return {process: silent for process, silent in silence.items() if silent > seconds}

    def never_started(self, seconds: float, now: float) -> dict[ProcessId, float]:
        """Find the processes that run without a first heartbeat, each with the seconds since its start.

        Those wait too long that need more than `START_PATIENCE_FACTOR` times ``seconds``.
        """
        waited = {p: now - since for p, since in sorted(self._running_since.items()) if p not in self._last_heartbeat}
        return {process: since for process, since in waited.items() if since > START_PATIENCE_FACTOR * seconds}

    def suspend_until_heartbeat(self, processes: Collection[ProcessId]) -> None:
        """Suspend silent processes until their next heartbeat."""
        self._silent |= {*processes}

    def suspend_stragglers(self, processes: Collection[ProcessId], now: float) -> None:
        """Suspend slow processes for a while, a longer one each time."""
        for process in processes:
            self._suspensions[process] += 1
            seconds = FIRST_SUSPENSION_SECONDS * 2 ** (self._suspensions[process] - 1)
            self._suspended_until[process] = now + seconds

    def silent(self, processes: Collection[ProcessId]) -> list[ProcessId]:
        """List those of ``processes`` that are suspended until their next heartbeat."""
        return sorted(self._silent.intersection(processes))

    def eligible(self, processes: Collection[ProcessId], now: float) -> set[ProcessId]:
        """Find those of ``processes`` that can keep up; suspended stragglers only where there are no other workers."""
        audible = {*processes} - self._silent
        quick = {process for process in audible if self._suspended_until.get(process, 0.0) <= now}
        return quick if any(process.role == "worker" for process in quick) else audible
