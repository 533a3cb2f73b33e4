"""A command that is given until it is carried out: for those that need no state of the workers."""

from yarnml.control.commands import Command
from yarnml.control.reports import Report
from yarnml.errors import TimeOver, WorkerLost
from yarnml.master.crew import Crew


def run_to_end(crew: Crew, command: Command, shards: int) -> dict[int, Report]:
    """Have all workers carry out a command, again after each loss or change of them.

    Raises TimeOver once the cluster gives no more time.
    """
    while True:
        try:
            return crew.run(command, shards)
        except WorkerLost as lost:
            if crew.time_limit:
                raise TimeOver(f"{crew.time_limit} The files that are done are kept; submit the job again.") from lost
            crew.recover(lost)
