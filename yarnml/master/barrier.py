"""The barrier between two commands: who carries out the current one, and whose report is in.

Training is bulk synchronous: the master gives one command to all workers, and the next one only after all reports.
Pure: no thread, no clock.
"""

from collections.abc import Mapping, Sequence

from yarnml.control.commands import Assignment, Command, Idle, Stop
from yarnml.control.reports import Report
from yarnml.control.roles import ProcessId


class Barrier:
    """The newest assignment of a job's workers, and the reports that answer it.  Guarded by its owner.

    A report counts only with the generation of the newest assignment, and only from a worker that takes part in it.  So
    what a worker says of an abandoned command never enters the reports of the next one, and a worker that joins between
    two commands waits for the next one.

    Args:
        levels: of reducers, in every assignment; None where the workers choose.
    """

    def __init__(self, levels: int | None = None) -> None:
        self._levels = levels
        self._reports: dict[int, Report] = {}
        self.assignment = Assignment.idle(0)

    @property
    def generation(self) -> int:
        """The number of the newest assignment."""
        return self.assignment.generation

    @property
    def stopped(self) -> bool:
        """True once all processes were told to stop."""
        return isinstance(self.assignment.command, Stop)

    def begin(
        self,
        command: Command,
        shards: Mapping[int, list[int]] | None = None,
        reducers: Sequence[str] = (),
        addresses: Mapping[int, str] | None = None,
    ) -> Assignment:
        """Make the next assignment and give up the one before.

        Args:
            shards: worker → its shards, of every worker that takes part; none for a command without reports.
            reducers: addresses, in the order of their slices.
            addresses: worker → its address.
        """
        self._reports = {}
        self.assignment = Assignment(
            self.generation + 1, command, dict(shards or {}), list(reducers), dict(addresses or {}), self._levels
        )
        return self.assignment

    def report(self, worker: int, generation: int, report: Report) -> bool:
        """Note a worker's report; False, without any change, where it answers no open assignment of this worker."""
        if generation != self.generation or worker not in self.assignment.shards:
            return False
        self._reports[worker] = report
        return True

    @property
    def reports(self) -> dict[int, Report]:
        """The reports so far, by worker, in the order of the assignment."""
        return {worker: self._reports[worker] for worker in self.assignment.shards if worker in self._reports}

    @property
    def missing(self) -> list[int]:
        """The workers whose reports are still awaited."""
        return [worker for worker in self.assignment.shards if worker not in self._reports]

    @property
    def complete(self) -> bool:
        """True once every worker that takes part has reported."""
        return not self.missing

    def is_due(self, process: ProcessId, generation: int) -> bool:
        """Tell whether a process has to get the assignment; ``generation``: of the newest one that it has carried out.

        ``Stop`` is for every process, ``Idle`` for none, any other command for the workers that take part.
        """
        match self.assignment.command:
            case Stop():
                return True
            case Idle():
                return False
        takes_part = process.role == "worker" and process.index in self.assignment.shards
        return takes_part and generation < self.generation
