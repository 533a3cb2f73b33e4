"""The errors of yarnml as one tree: every way a job can end badly.

    YarnmlError
    ├── JobFileError      the job file or the command line is wrong           exit status 2
    ├── DataError         the data is not what the job file says              exit status 1
    ├── ModelError        the learner raised, or its loss is not a number     exit status 1
    ├── CheckpointError   a checkpoint can't be written, read or continued    exit status 1
    ├── ProvisionError    Python or code can't be brought to the nodes        exit status 1
    ├── ExportError       a model can't be written, or is torn or foreign     exit status 1
    ├── HistoryError      a history can't be read or shown, or is foreign     exit status 1
    ├── WorkerLost        a process of the job died, hung or can't be reached exit status 1
    ├── OwnerLost         the rows of a table are gone with their process     exit status 1
    ├── CrewLost          too many processes were lost, or none can be had    exit status 1
    ├── ClusterError      YARN or HDFS does not answer or refuses             exit status 1
    ├── TimeOver          the cluster gives no more time; submit it again     exit status 75
    └── Interrupted       the user stopped the job                            exit status 130

A message is one sentence or two: which field or file, what was expected, what was found, what to do next.
Foreign exceptions are translated where they cross into yarnml, with ``raise … from exc``.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from yarnml.events.redaction import redacted


class YarnmlError(Exception):
    """The root: everything that yarnml itself raises on purpose.

    ``detail`` is text to show under the message, such as the traceback of a user's own code.  Neither holds a secret.
    """

    exit_status = 1

    def __init__(self, message: str, detail: str = "") -> None:
        super().__init__(redacted(message))
        self.detail = redacted(detail)


class JobFileError(YarnmlError):
    exit_status = 2


class DataError(YarnmlError):
    pass


class ModelError(YarnmlError):
    pass


class CheckpointError(YarnmlError):
    pass


class ProvisionError(YarnmlError):
    pass


class ExportError(YarnmlError):
    pass


class HistoryError(YarnmlError):
    pass


class WorkerLost(YarnmlError):
    pass


class OwnerLost(YarnmlError):
    pass


class CrewLost(YarnmlError):
    pass


class ClusterError(YarnmlError):
    pass


class TimeOver(YarnmlError):
    exit_status = 75  # EX_TEMPFAIL of sysexits.h: the same command goes on


class Interrupted(YarnmlError):
    exit_status = 130


def named(kind: str) -> type[YarnmlError]:
    """Return the class called ``kind``, for an error that crossed a process border; the root where there is none."""
    return next((c for c in YarnmlError.__subclasses__() if c.__name__ == kind), YarnmlError)


def first_line(exc: BaseException) -> str:
    """The first line of what a foreign exception says, for the end of a sentence; of one without words, its class."""
    return (str(exc).strip() or type(exc).__name__).splitlines()[0]


def kind_and_line(exc: BaseException) -> str:
    """The class of a foreign exception before `first_line`; the class alone of one without words."""
    kind = type(exc).__name__
    line = first_line(exc)
    return line if line == kind else f"{kind}: {line}"


@contextmanager
def translated(
    error: type[YarnmlError], what: str, advice: str = "", *, also: tuple[type[Exception], ...] = ()
) -> Iterator[None]:
    """Raise what a storage raises in this block, an OSError or a ValueError, as an error of yarnml.

    ``what``: the part of the sentence before the cause, such as "checkpoint.path /jobs/a can't be written".
    ``advice``: the part after the cause, with its own comma or semicolon.
    ``also``: other foreign exceptions of this border.
    """
    foreign: tuple[type[Exception], ...] = (OSError, ValueError, *also)
    try:
        yield
    except foreign as exc:
        raise error(f"{what}: {exc}{advice}") from exc
