"""The jobs that learn the batches of a stream, one each."""

from msgspec.structs import replace

from yarnml.checkpoint.manifest import read_manifest
from yarnml.checkpoint.stream import StreamRecord
from yarnml.errors import CheckpointError, translated
from yarnml.job import paths
from yarnml.job.spec import Job
from yarnml.storage.integrity import TornFile


def folder_of(job: Job, record: StreamRecord) -> str:
    """The folder of the training on the newest batch; the job's own for its own training data."""
    return paths.batch(job.folder, record.batch, record.attempt) if record.batch else job.folder


def of_batches(job: Job) -> Job:
    """The job by the folder that has the outcome of the newest batch."""
    return replace(job, checkpoint=replace(job.checkpoint, path=paths.batches(job.folder)))


def batch_job(job: Job, record: StreamRecord) -> Job:
    """The job that learns the newest batch of a stream: one pass over its files, from the state before it.

    ``job``: of the stream, or of this batch.
    """
    job = replace(job, export=job.export if record.exports else None)
    if not record.batch:
        return replace(job, training=replace(job.training, shards=record.shards))
    with translated(CheckpointError, f"The checkpoint {record.state} can't be read", also=(TornFile,)):
        state = read_manifest(record.state)
    features = [feature.name for feature in state.schema.features]
    data = replace(job.data, train=[file.url for file in record.files], features=features, version=None)
    training = replace(job.training, epochs=1, shards=record.shards, batch_size=record.batch_size, early_stopping=None)
    checkpoint = replace(job.checkpoint, path=folder_of(job, record))
    return replace(job, data=data, training=training, checkpoint=checkpoint, start_from=record.state)
