"""The recording of a run: its history from its start to its end, whatever that is."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from yarnml import __version__
from yarnml.checkpoint.lease import LeaseLost, this_process
from yarnml.errors import Interrupted, YarnmlError
from yarnml.events.events import Failure, Listener
from yarnml.events.measurements import RunStarted
from yarnml.events.submission import SUBMITTED, UserAction
from yarnml.job.base import public_document
from yarnml.job.load import AnyJob
from yarnml.job.spec import Job
from yarnml.master.crew import Cluster
from yarnml.watch.exporters.start import exporting
from yarnml.watch.history.recorder import Recorder


@contextmanager
def recorded(job: AnyJob, cluster: Cluster, say: Listener) -> Iterator[Recorder]:
    """Give a listener that writes the history of this run beside it, and in the end how the run ended.

    The programs that the section ``monitor`` of a training names hear the same.
    """
    folder = job.folder
    with ExitStack() as stack:
        sinks = stack.enter_context(exporting(job, cluster.host)) if isinstance(job, Job) else []
        record = Recorder(folder, say, sinks)
        with _ends_recorded(record):
            record.add(RunStarted(public_document(job), __version__, cluster.name, str(this_process(folder))))
            if cluster.submitter:
                record.add(UserAction(cluster.submitter, SUBMITTED))
            record.start()
            yield record


@contextmanager
def _ends_recorded(record: Recorder) -> Iterator[None]:
    """Record how this block ends, and close the recorder."""
    try:
        yield
    except LeaseLost:
        raise  # the history goes on with the run that has the lease
    except YarnmlError as exc:
        record.add(Failure(type(exc).__name__, str(exc), exc.detail))
        raise
    except KeyboardInterrupt:
        record.add(Failure(Interrupted.__name__, "The job was stopped."))
        raise
    finally:
        record.close()
