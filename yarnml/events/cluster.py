"""Events of a job's processes and of the cluster that they run on."""

from yarnml.events.fact import Fact


class Waiting(Fact, frozen=True, rename={"target": "wanted"}):
    """The job waits for processes.

    ``workers``: how many have come, of ``target``, which is stored as ``wanted``.
    ``reason``: what the cluster lacks, if that is known.
    """

    workers: int
    target: int
    reason: str


class ProcessLost(Fact, frozen=True, tag="Lost"):
    """A process was lost, ``why`` in words; the job goes on without it."""

    why: str


class WorkerSuspended(Fact, frozen=True, tag="Rests"):
    """The job goes on without a process that lives but does not keep up, ``why`` in words; it may come back."""

    who: str
    why: str


class Resumed(Fact, frozen=True, tag="GoesOn"):
    """After a loss or a change of size, training goes on after ``step`` with these workers."""

    step: int
    workers: int


class SizeChanged(Fact, frozen=True, tag="Resizes"):
    """``count`` processes of a role are wanted from now on, not ``before``; ``why`` in words."""

    role: str
    before: int
    count: int
    why: str


class ProcessJoined(Fact, frozen=True, tag="Joins", rename={"target": "wanted"}):
    """Other workers than before take part, or fewer than the ``target`` of the job, which is stored as ``wanted``."""

    workers: int
    target: int
