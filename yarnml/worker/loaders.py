"""The datasets of a job, as one worker reads them."""

from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple

from msgspec.structs import replace

from yarnml.control.commands import Initialize, from_ipc
from yarnml.data.base import Dataset
from yarnml.data.cache import RowCache
from yarnml.data.loader import Loader
from yarnml.data.schema import Rows, Schema
from yarnml.data.survey import Findings, columns_to_survey, find, merge_findings
from yarnml.job.spec import size_in_bytes


class _SchemaRows(NamedTuple):
    """Decoded rows, as this schema has them stored."""

    schema: Schema
    rows: RowCache


class Content(NamedTuple):
    """The content of a cache: the rows of a dataset; ``trains``: as steps that see labels prepare rows to train on."""

    dataset: Dataset
    trains: bool = False


class RowCaches:
    """Decoded rows that a worker keeps, from one training to the next: one cache for each `Content`.

    All folds of a dataset share its cache, but where steps see labels.  Only the newest schema has one: rows that an
    earlier schema has decoded are let go, and so are those of datasets that the training does not use.
    """

    def __init__(self) -> None:
        self._caches: dict[Content, _SchemaRows] = {}

    def open(self, content: Content, schema: Schema, used: Collection[Content], limit: int) -> RowCache:
        """The cache of some rows, from here on of at most ``limit`` bytes; ``used``: all that the training has."""
        stored = _stored_in(schema)
        cache = self._caches.get(content)
        if cache is None or cache.schema != stored:
            cache = _SchemaRows(stored, RowCache(0))
        cache.rows.limit = limit
        self._caches = {kept: rows for kept, rows in self._caches.items() if kept in used} | {content: cache}
        return cache.rows


class Loaders:
    """The loaders of a training's datasets, each made when it is first needed; they share `workers.cache`."""

    def __init__(self, initialize: Initialize, row_caches: RowCaches) -> None:
        self._initialize = initialize
        self._job = initialize.job
        self._contents = _contents(initialize)
        self._row_caches = row_caches
        self._opened_caches: list[RowCache] = []
        self._loaders: dict[tuple[str, bool], Loader] = {}
        self._learner_shares = False

    def loader(self, dataset: str, schema: Schema) -> Loader:
        """The loader of a dataset, as this schema decodes it; of training data with its class weights."""
        key = (dataset, dataset == "train" and schema.class_weights is not None)
        if key not in self._loaders:
            cache = self._row_caches.open(self._contents[dataset], schema, self._contents.values(), self.cache_bytes)
            self._opened_caches.append(cache)
            self._loaders[key] = self._open(dataset, schema, cache)
        return self._loaders[key]

    @property
    def cache_bytes(self) -> int:
        """Bytes that may be kept of each dataset; a shard learner that shares the cache may hold as many."""
        datasets = len({*self._contents.values()})
        return size_in_bytes(self._job.workers.cache) // (datasets + self._learner_shares)

    def share_cache(self, with_learner: bool) -> None:
        """Say whether a shard learner holds rows in its own form beside those that the loaders keep."""
        self._learner_shares = with_learner
        for cache in self._opened_caches:
            cache.limit = self.cache_bytes

    def survey(self, schema: Schema, shards: Iterable[int], on_piece: Callable[[], None]) -> Findings:
        """Find in these shards of the training data what the schema lacks.

        ``on_piece`` is called after every piece that is read.
        """
        loader = self._open("train", schema, RowCache(0))
        findings = Findings()
        for shard in shards:
            for table, numbers, url in loader.tables(shard, columns_to_survey(schema)):
                findings = merge_findings([findings, find(table, schema, numbers, url)])
                on_piece()
        return findings

    def steps(self, schema: Schema) -> int:
        """Steps of one epoch."""
        passes = self._job.learner.passes
        if passes:
            return passes.per_epoch
        return self.loader("train", schema).steps(self._job.training.rows_per_step)

    def batch(self, schema: Schema, step: int, shard: int) -> Rows | None:
        """The rows of a shard at a step, counted over the whole job; None where a step is a full pass."""
        training = self._job.training
        if training.batch_size == "full":
            return None
        steps = self.steps(schema)
        epoch, step_of_epoch = divmod(step, steps)
        loader = self.loader("train", schema)
        return loader.batch(shard, training.seed, epoch, step_of_epoch, steps, training.shuffle_rows)

    def _open(self, dataset: str, schema: Schema, cache: RowCache) -> Loader:
        if dataset != "train":
            schema = replace(schema, class_weights=None)  # they are for training; metrics count rows as they are
        initialize = self._initialize
        stored = from_ipc(initialize.stored[dataset])
        trains = dataset == "train"
        return Loader(initialize.datasets[dataset], stored, schema, initialize.shards, cache, trains=trains)


def _contents(initialize: Initialize) -> dict[str, Content]:
    """The content of the cache of each dataset.

    Where steps see labels, rows to train on differ from the same rows in an evaluation, and so do those of other folds.
    """
    datasets = initialize.datasets.items()
    if any(step.SEES_LABEL for step in initialize.job.data.prepare):
        return {name: Content(dataset, name == "train") for name, dataset in datasets}
    return {name: Content(replace(dataset, fold=None)) for name, dataset in datasets}


def _stored_in(schema: Schema) -> Schema:
    """The schema with only the fields that decoded rows depend on: equal for schemas that decode the same."""
    classes = schema.classes if schema.label else None
    return replace(schema, classes=classes, class_weights=None, shape=None, rows=0, group=None, prior=())
