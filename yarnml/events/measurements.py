"""Measurements of a job: facts that are kept in its history for its views, and that nobody reads one by one."""

from typing import Any

from msgspec import Struct


class _Measurement(Struct, frozen=True, tag=True):
    """A fact about a job; its tag in a job's files never changes."""


class RunStarted(_Measurement, frozen=True):
    """A run of a job begins, by a command or by an attempt of its master; counters begin at 0.

    ``job``: the job file without secrets.  ``version``: of yarnml.  ``process``: the run's, as its lease names it.
    """

    job: dict[str, Any]
    version: str
    backend: str
    process: str


class TrainingMeasured(_Measurement, frozen=True):
    """The counters of a run after a round.

    ``rows``: that the steps of the whole training have covered.  ``seconds``: as in `Outcome`, so far.
    ``tasks``: that the steps of this run were made of.
    """

    step: int
    rows: int
    workers: int
    seconds: dict[str, float]
    tasks: int


class RoundMeasured(_Measurement, frozen=True):
    """The phases of the steps ``first`` … ``last`` - 1, worker by worker.

    ``seconds``: by phase, one number for each of ``workers``.
    """

    first: int
    last: int
    workers: list[int]
    seconds: dict[str, list[float]]


class ProcessUse(Struct, frozen=True, array_like=True):
    """The use that one process makes of its machine.

    Attributes:
        role: ``worker``, ``reducer`` or ``master``.
        shards: that it trains on.
        memory: bytes in memory.
        cpu: busy processor cores, over the time since the measurement before.
        sent: bytes of vectors sent to other processes, since the process began.
        gpu: busy share of its GPUs; None without one.
        gpu_memory: bytes of them.
    """

    role: str
    index: int
    host: str
    shards: int
    memory: int
    cpu: float
    sent: int = 0
    gpu: float | None = None
    gpu_memory: int | None = None


class ProcessPlaced(_Measurement, frozen=True):
    """A process has a container, and its node shows the log at ``log``; ``process``: by its name, 'worker 3'."""

    process: str
    log: str


class ProcessesMeasured(_Measurement, frozen=True):
    """The processes that take part.

    ``copied``: tasks computed twice so far.
    ``local``: the share of the training bytes that are on the host of their worker; None if not known.
    """

    processes: list[ProcessUse]
    copied: int = 0
    local: float | None = None


class CheckpointSaved(_Measurement, frozen=True):
    """The state after ``step`` is in ``folder``."""

    step: int
    folder: str


class Histogram(Struct, frozen=True, array_like=True):
    """The distribution of numbers: how many lie in each of equally wide buckets from ``low`` to ``high``.

    ``squares``: the sum of squares.
    """

    low: float
    high: float
    sum: float
    squares: float
    counts: list[int]


class ParametersMeasured(_Measurement, frozen=True):
    """The parameters of the model after ``step``, by the name of their tensor."""

    step: int
    histograms: dict[str, Histogram]


_OfProcesses = ProcessPlaced | ProcessesMeasured | RoundMeasured
Measurement = RunStarted | TrainingMeasured | CheckpointSaved | ParametersMeasured | _OfProcesses
