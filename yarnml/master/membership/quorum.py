"""The quorum of a job: how many processes have to be there before it starts or goes on.  Pure."""

from collections.abc import Mapping

from yarnml.control.roles import Role
from yarnml.job.base import BaseJob

LEAST_PATIENCE_SECONDS = 5.0
"""The time that the missing processes have in any case, where there is patience for so long."""


class Quorum:
    """Decides when to stop waiting for processes.

    With all the processes that the job wants there is nothing to wait for.  With ``workers.min`` of the workers it is
    over after some time without a newcomer: as long again as the newest one took to come, for hosts that are as quick
    bring theirs about then, and one that has to unpack an environment first may take minutes.

    Args:
        patience: seconds without a newcomer that are enough in any case.
        target: processes that the job wants, by role; a user may change them while others wait.
        starting: True before the first step, when all reducers have to be there.  Later the workers can do without.
    """

    def __init__(self, job: BaseJob, target: Mapping[Role, int], patience: float, *, starting: bool) -> None:
        self._wait = job.workers.wait
        self._least = min(job.workers.min or 1, job.workers.count)
        self._target = target
        self._patience = patience
        self._starting = starting

    def is_reached(self, workers: int, reducers: int, waited: float, took: float) -> bool:
        """Tell whether these suffice.

        ``waited``: seconds since the newest one joined, or since the wait began.
        ``took``: seconds from the beginning of the wait until the newest one joined.
        """
        patience = min(self._patience, max(LEAST_PATIENCE_SECONDS, took))
        enough = workers >= self._target["worker"] or (workers >= self._least and waited >= patience)
        return enough and not self._lacks_reducers(reducers)

    def lack(self, reducers: int) -> str:
        """The lack that no cluster explains, while the number of workers is told anyway; empty where there is none."""
        return self._count(reducers) if self._lacks_reducers(reducers) else ""

    def shortfall(self, workers: int, reducers: int, shortage: str) -> str:
        """The sentence of a wait that was too long; ``shortage``: what the cluster says about it."""
        have = self._count(reducers) if workers >= self._least else f"{workers} of at least {self._least} workers"
        return f"{have} had come after workers.wait, {self._wait:.0f} s{f': {shortage}' if shortage else '.'}"

    def _lacks_reducers(self, reducers: int) -> bool:
        return self._starting and reducers < self._target["reducer"]

    def _count(self, reducers: int) -> str:
        return f"{reducers} of {self._target['reducer']} reducers"
