"""How many processes of each role a job wants, how many it has asked for, and when it may want more.

``now`` is a monotonic time.
"""

from yarnml.control.roles import Role
from yarnml.job.spec import Job

GROW_SECONDS = 10.0  # between two looks whether there is room for more workers than workers.count
SHRINK_SECONDS = 60.0  # the same, after the cluster took one back
BATCH = 4  # workers that a job grows by at a time


class Autoscaler:
    """Counts by role: ``wanted``, and ``asked``, those that are here and those that are on their way."""

    def __init__(self, job: Job, now: float) -> None:
        self._least = job.workers.count
        self.wanted: dict[Role, int] = {"worker": job.workers.count, "reducer": job.reducers.count}
        self.asked = dict(self.wanted)
        self._grow_at = now + GROW_SECONDS

    def missing(self, role: Role) -> int:
        """How many are still to be asked for."""
        return max(0, self.wanted[role] - self.asked[role])

    def growth(self, most: int, here: int, now: float) -> int:
        """How many workers to look for room for now, if any; ``most``: that the job can use, ``here``: that it has."""
        if now < self._grow_at or self.asked["worker"] > here:
            return 0
        self._grow_at = now + GROW_SECONDS
        return max(0, min(most - self.wanted["worker"], BATCH))

    def shrinks(self, now: float) -> bool:
        """The cluster took a worker back: whether the job had grown too far, and shall not grow again for a while."""
        grown = self.wanted["worker"] > self._least
        if grown:
            self._grow_at = now + SHRINK_SECONDS
        return grown
