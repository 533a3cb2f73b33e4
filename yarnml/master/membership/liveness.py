"""Signs of life: who gives them, who has fallen silent, and who rests since it is slow.

``now`` is a monotonic time.
"""

from collections import Counter
from collections.abc import Collection

from yarnml.control.roles import ProcessId

DEAF_SECONDS = 2.0  # between two looks, after which we may have heard nobody
REST_SECONDS = 60.0  # that a slow worker does not take part, the first time
BIRTH = 5.0  # times as long may pass before the first sign of life: files come to a node, Python starts


class Liveness:
    """How the processes of a job have shown themselves.  Guarded by its owner."""

    def __init__(self, now: float) -> None:
        self._seen: dict[ProcessId, float] = {}
        self._up: dict[ProcessId, float] = {}  # since when each is known to run
        self._quiet: set[ProcessId] = set()  # without a sign of life for a while
        self._slow: dict[ProcessId, float] = {}  # not to take part before a time
        self._rests: Counter[ProcessId] = Counter()  # how often each was too slow
        self._listened = now

    def heartbeat(self, who: ProcessId, now: float) -> None:
        """Note a sign of life."""
        self._seen[who] = now
        self._quiet.discard(who)

    @property
    def seen(self) -> set[ProcessId]:
        """Who ever gave a sign of life."""
        return {*self._seen}

    def runs(self, up: Collection[ProcessId], now: float) -> None:
        """Note whose processes run."""
        self._up = {who: self._up.get(who, now) for who in up}

    def silent(self, among: Collection[ProcessId], seconds: float, now: float) -> dict[ProcessId, float]:
        """Who of these gave no sign of life for ``seconds``, and for how long.

        Nobody is called silent for a while in which we did not listen ourselves.
        """
        if now - self._listened > DEAF_SECONDS:
            self._seen = dict.fromkeys(self._seen, now)
        self._listened = now
        return {who: now - self._seen[who] for who in sorted(among) if now - self._seen[who] > seconds}

    def never_started(self, seconds: float, now: float) -> dict[ProcessId, float]:
        """Who runs, but never gave a sign of life for `BIRTH` times ``seconds``; and for how long."""
        waited = {who: now - since for who, since in sorted(self._up.items()) if who not in self._seen}
        return {who: since for who, since in waited.items() if since > BIRTH * seconds}

    def rest_until_seen(self, quiet: Collection[ProcessId]) -> None:
        """These are not fit before their next sign of life."""
        self._quiet |= {*quiet}

    def rest(self, slow: Collection[ProcessId], now: float) -> None:
        """These are not fit for a while, a longer one each time."""
        for who in slow:
            self._rests[who] += 1
            self._slow[who] = now + REST_SECONDS * 2 ** (self._rests[who] - 1)

    def quiet(self, among: Collection[ProcessId]) -> list[ProcessId]:
        """Who of these is waited for to show itself."""
        return sorted(self._quiet.intersection(among))

    def fit(self, among: Collection[ProcessId], now: float) -> set[ProcessId]:
        """Who of these can keep up; slow ones only where there are no other workers."""
        awake = {*among} - self._quiet
        quick = {who for who in awake if self._slow.get(who, 0.0) <= now}
        return quick if any(who.role == "worker" for who in quick) else awake
