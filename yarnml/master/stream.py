"""A stream: after the job's own training one training after another, each on the next batch of files.

Every training is a job of its own that starts from the checkpoint of the one before, with its own rounds, so what holds
for those holds for a stream: the same bits on any number of workers, whatever was killed.
"""

import time
from typing import NamedTuple

from msgspec.structs import replace

from yarnml import storage
from yarnml.checkpoint import outcomes
from yarnml.checkpoint.lease import Lease
from yarnml.checkpoint.store import Checkpoints
from yarnml.checkpoint.stream import StreamRecord, forget_stream, read_stream
from yarnml.errors import CheckpointError
from yarnml.events.events import Listener, Outcome, Planned
from yarnml.job import paths
from yarnml.job.spec import Job
from yarnml.master.crew import Cluster
from yarnml.master.preflight import Preflight, preflight, silent
from yarnml.master.recording import recorded
from yarnml.master.stats import TrainingStats
from yarnml.master.stream_batches import batch_job, of_batches
from yarnml.master.stream_reference import forget_reference
from yarnml.master.stream_run import StreamRun
from yarnml.master.stream_schedule import End, after_batch


class Stream(NamedTuple):
    """A stream as it was found.

    ``start``: of the job's own training, where that is not done yet.
    ``outcome``: of a stream that has nothing left to do.
    """

    record: StreamRecord
    start: Preflight | None
    outcome: Outcome | None


def find_stream(job: Job, lease: Lease, *, restart: bool, say: Listener) -> Stream:
    """Find how far a stream has come, and check what can be checked of it.

    ``restart``: forget what an earlier run has done.  CheckpointError for a stream on other shards.
    """
    assert job.data.follow
    lease.check()
    if restart:
        forget_stream(job.folder)
        forget_reference(job.folder)
    record = read_stream(job.folder) or StreamRecord(job.shards, exports=job.export_to is not None)
    if job.training.shards not in (None, record.shards):
        raise CheckpointError(
            f"The stream in {job.folder} has {record.shards} shards, and training.shards is {job.training.shards}; "
            "make it the same, or use --restart to begin anew."
        )
    if not record.batch and not record.is_done:
        return Stream(record, preflight(batch_job(job, record), lease, restart=restart, say=say), None)
    is_over = record.is_done and isinstance(after_batch(job.data.follow, record, time.time()), End)
    outcome = outcomes.read(of_batches(job)) if is_over else None
    return Stream(record, None, replace(outcome, already=True) if outcome else None)


def check_stream(job: Job, *, restart: bool) -> Outcome | None:
    """Check a stream before any process of it starts; its end, where it came to it before."""
    return find_stream(job, Lease(job.folder), restart=restart, say=silent).outcome


def follow(job: Job, cluster: Cluster, *, restart: bool, say: Listener) -> Outcome:
    """Train a job, then learn from the files that come, until the stream is over; returns how it ended."""
    stats = TrainingStats()
    lease = Lease(job.folder)
    stream = find_stream(job, lease, restart=restart, say=say)
    if stream.outcome:
        return stream.outcome
    stats.mark("planned")
    rows = {name: data.rows for name, data in stream.start.plan.datasets.items()} if stream.start else {}
    planned = Planned(job.name, cluster.name, rows, stream.record.shards, cluster.workers(job), job.reducers.count)
    with storage.patience(), lease.held(), recorded(job, cluster, say) as record:
        record(planned)
        Checkpoints(job.folder, 1, lease.confirm).sweep()
        with cluster.open_crew(job, paths.logs(job.folder), record) as crew:
            stats.mark("joined")
            run = StreamRun(job, stream.record, lease, stats, crew, record)
            with run.ends_cleanly():
                outcome = run.run()
        record.add(outcome)
        return outcome
