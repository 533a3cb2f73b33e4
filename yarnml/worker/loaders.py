"""The datasets of a job, as one worker reads them."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from msgspec.structs import replace

from yarnml.control.commands import Initialize, from_ipc
from yarnml.data.base import Dataset
from yarnml.data.cache import RowCache
from yarnml.data.loader import Loader
from yarnml.data.schema import Rows, Schema, stored_in
from yarnml.data.survey import Findings, columns_to_survey, find, merge_findings
from yarnml.job.spec import size_in_bytes


class _Place(NamedTuple):
    """Where the rows of a dataset, which its folds share, are kept as this schema decodes them."""

    dataset: Dataset
    schema: Schema
    kept: RowCache


class Loaders:
    """One `Loader` for each dataset of a training, made when it is first needed; they share `workers.cache`.

    Rows that are kept stay for the next training, and the folds of a dataset share them.
    ``besides``: whether a learner holds as much besides.
    """

    def __init__(self) -> None:
        self._begin: Initialize
        self._wholes: dict[str, Dataset] = {}
        self._loaders: dict[str, Loader] = {}
        self._places: list[_Place] = []
        self.besides = False

    def admit(self, begin: Initialize) -> None:
        """What data there is, the same for as long as a training lasts."""
        self._begin, self._loaders = begin, {}
        self._wholes = {name: replace(dataset, fold=None) for name, dataset in begin.datasets.items()}
        self._shares = len({*self._wholes.values()})

    def loader(self, dataset: str, schema: Schema) -> Loader:
        if dataset not in self._loaders:
            self._loaders[dataset] = self._open(dataset, schema, self._kept(dataset, schema))
        return self._loaders[dataset]

    @property
    def cache(self) -> int:
        """Bytes that may be kept of each dataset."""
        return size_in_bytes(self._begin.job.workers.cache) // (self._shares + self.besides)

    def _kept(self, dataset: str, schema: Schema) -> RowCache:
        """What is kept of these rows.  Of one dataset there is one place: what another schema decodes is let go."""
        whole, schema = self._wholes[dataset], stored_in(schema)
        found = next((p for p in self._places if (p.dataset, p.schema) == (whole, schema)), None)
        place = found or _Place(whole, schema, RowCache(0))
        place.kept.limit = self.cache
        others = [w for w in self._wholes.values() if w != whole]
        self._places = [p for p in self._places if p.dataset in others] + [place]
        return place.kept

    def survey(self, schema: Schema, shards: Iterable[int], seen: Callable[[], None]) -> Findings:
        """What these shards of the training data tell of what the schema lacks; ``seen`` is called for every piece."""
        loader, found = self._open("train", schema, RowCache(0)), Findings()
        for shard in shards:
            for table, url in loader.tables(shard, columns_to_survey(schema)):
                found = merge_findings([found, find(table, schema, url)])
                seen()
        return found

    def steps(self, schema: Schema) -> int:
        """Steps of one epoch."""
        passes = self._begin.job.learner.passes
        return passes.per_epoch if passes else self.loader("train", schema).steps(self._begin.job.training.batch_size)

    def batch(self, schema: Schema, step: int, shard: int) -> Rows | None:
        """The rows of a shard at a step, counted over the whole job; None where a step is a full pass."""
        training = self._begin.job.training
        if training.batch_size == "full":
            return None
        steps = self.steps(schema)
        epoch, at = divmod(step, steps)
        return self.loader("train", schema).batch(shard, training.seed, epoch, at, steps, training.shuffle_rows)

    def _open(self, dataset: str, schema: Schema, kept: RowCache) -> Loader:
        begin = self._begin
        if dataset != "train":
            schema = replace(schema, class_weights=None)  # they are for training; metrics count rows as they are
        return Loader(begin.datasets[dataset], from_ipc(begin.stored[dataset]), schema, begin.shards, kept)
