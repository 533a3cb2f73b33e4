"""The datasets of a job, as one worker reads them."""

from collections.abc import Callable, Iterable

from msgspec.structs import replace

from yarnml.data.feed import Feed
from yarnml.data.schema import Rows, Schema
from yarnml.data.survey import Findings, find, lacking, merged
from yarnml.job import size_in_bytes
from yarnml.meetings import Begin, from_ipc


class Feeds:
    """One `Feed` for each dataset, made when it is first needed; they share `workers.cache`."""

    def __init__(self) -> None:
        self._begin: Begin
        self._feeds: dict[str, Feed] = {}

    def take_in(self, begin: Begin) -> None:
        """What data there is; the same for as long as the job runs."""
        self._begin = begin

    def feed(self, dataset: str, schema: Schema) -> Feed:
        if dataset not in self._feeds:
            self._feeds[dataset] = self._open(dataset, schema, self.cache)
        return self._feeds[dataset]

    @property
    def cache(self) -> int:
        """Bytes that may be kept of each dataset."""
        return size_in_bytes(self._begin.job.workers.cache) // len(self._begin.datasets)

    def survey(self, schema: Schema, shards: Iterable[int], seen: Callable[[], None]) -> Findings:
        """What these shards of the training data tell of what the schema lacks; ``seen`` is called for every piece."""
        feed, found = self._open("train", schema, 0), Findings()
        for shard in shards:
            for table, url in feed.tables(shard, lacking(schema)):
                found = merged([found, find(table, schema, url)])
                seen()
        return found

    def steps(self, schema: Schema) -> int:
        """Steps of one epoch."""
        passes = self._begin.job.learner.passes
        return passes.each if passes else self.feed("train", schema).steps(self._begin.job.training.batch_size)

    def batch(self, schema: Schema, step: int, shard: int) -> Rows | None:
        """The rows of a shard at a step, counted over the whole job; None where a step is a full pass."""
        training = self._begin.job.training
        if training.batch_size == "full":
            return None
        steps = self.steps(schema)
        epoch, at = divmod(step, steps)
        return self.feed("train", schema).batch(shard, training.seed, epoch, at, steps, training.shuffle_rows)

    def _open(self, dataset: str, schema: Schema, cache: int) -> Feed:
        begin = self._begin
        if dataset != "train":
            schema = replace(schema, class_weights=None)  # they are for training; metrics count rows as they are
        return Feed(begin.datasets[dataset], from_ipc(begin.stored[dataset]), schema, begin.shards, cache)
