"""The number of processes of each role: how many a job wants, has requested, and when it may want more.

Pure: ``now`` is a monotonic time in seconds.
"""

from yarnml.control.roles import Role
from yarnml.job.base import BaseJob

GROWTH_INTERVAL_SECONDS = 10.0
"""Time between two looks whether the cluster has room for more workers than ``workers.count``."""

GROWTH_PAUSE_SECONDS = 60.0
"""Time without such looks after the cluster took a worker back, so that the job does not ask for it again at once."""

MAX_WORKERS_ADDED_AT_ONCE = 4


class Autoscaler:
    """Counts of processes by role.

    Attributes:
        target: how many there should be.
        requested: how many have joined or are on their way.
    """

    def __init__(self, job: BaseJob, now: float) -> None:
        self._least_workers = job.workers.count
        self.target: dict[Role, int] = {"worker": job.workers.count, "reducer": job.reducers.count}
        self.requested = dict(self.target)
        self._next_growth = now + GROWTH_INTERVAL_SECONDS

    def missing(self, role: Role) -> int:
        """Count the processes that are still to be requested."""
        return max(0, self.target[role] - self.requested[role])

    def growth(self, limit: int, joined: int, now: float) -> int:
        """Count the workers to look for room for now, if any.

        Args:
            limit: the most workers that the job can use.
            joined: the workers that have joined.  While others are on their way there is no room for more.
        """
        if now < self._next_growth or self.requested["worker"] > joined:
            return 0
        self._next_growth = now + GROWTH_INTERVAL_SECONDS
        return max(0, min(limit - self.target["worker"], MAX_WORKERS_ADDED_AT_ONCE))

    def should_shrink(self, now: float) -> bool:
        """Decide whether a worker that the cluster took back is given up instead of replaced.

        That is so where the job had grown beyond ``workers.count``; then it does not grow again for a while.
        """
        has_grown = self.target["worker"] > self._least_workers
        if has_grown:
            self._next_growth = now + GROWTH_PAUSE_SECONDS
        return has_grown
