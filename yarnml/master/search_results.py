"""What a search has found so far: ``search.json`` in the job's folder, from which it goes on after a stop."""

from collections.abc import Sequence
from statistics import fmean, pstdev
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from yarnml import storage
from yarnml.checkpoint.fingerprint import Identity, check_same_job, fingerprint_of
from yarnml.checkpoint.store import reachable
from yarnml.data.plan import Plan
from yarnml.errors import CheckpointError, JobFileError, ModelError
from yarnml.job import paths
from yarnml.job.search_space import Values, draw_candidates
from yarnml.job.spec import Job
from yarnml.master.schedule import HIGHER_IS_BETTER
from yarnml.storage import atomic

_TOLD = {"none": ("loss",), "number": ("loss", "rmse", "r2"), "class": ("loss", "accuracy", "roc_auc")}


class Candidate(Struct, frozen=True):
    """``folds``: the metrics of each fold that is done, in order; without folds one, of the validation data.

    ``mean`` and ``deviation``: of the search's metric over all folds, once they are done.
    ``failure``: why it can't be trained; its other folds are left out.
    """

    values: Values
    folds: list[dict[str, float]] = []
    mean: float | None = None
    deviation: float | None = None
    failure: str = ""

    @property
    def means(self) -> dict[str, float]:
        """Of every metric that all folds have."""
        names = [name for name in self.folds[0] if all(name in fold for fold in self.folds)]
        return {name: fmean(fold[name] for fold in self.folds) for name in names}


class Results(Struct, frozen=True):
    """``folds``: trainings of each candidate; ``best``: the number of the best one, from 0, once all are done."""

    identity: Identity
    shards: int
    metric: str
    folds: int
    candidates: list[Candidate]
    best: int | None = None
    format: Literal["yarnml-search/1"] = "yarnml-search/1"

    @property
    def due(self) -> tuple[int, int] | None:
        """(candidate, fold) of the next training: all candidates on the first fold, then on the second, …"""
        for fold in range(self.folds):
            for number, candidate in enumerate(self.candidates):
                if len(candidate.folds) == fold and not candidate.failure:
                    return number, fold
        return None

    @property
    def done(self) -> int:
        """Trainings that are behind it, those that are left out among them."""
        return sum(self.folds if c.failure else len(c.folds) for c in self.candidates)

    @property
    def trainings(self) -> int:
        return self.folds * len(self.candidates)

    def trained(self, number: int, metrics: dict[str, float]) -> "Results":
        """With the metrics of a candidate's next fold; JobFileError where the search's metric is not among them."""
        if self.metric not in metrics:
            raise JobFileError(
                f"search.metric: the evaluation has no '{self.metric}'; it has {', '.join(metrics) or 'no rows'}."
            )
        candidate = self.candidates[number]
        candidate = replace(candidate, folds=[*candidate.folds, metrics])
        if len(candidate.folds) == self.folds:
            found = [fold[self.metric] for fold in candidate.folds]
            candidate = replace(candidate, mean=fmean(found), deviation=pstdev(found))
        return self._with(number, candidate)

    def failed(self, number: int, why: str) -> "Results":
        """With a candidate that can't be trained; ModelError where none can."""
        if all(candidate.failure for n, candidate in enumerate(self.candidates) if n != number):
            raise ModelError(f"No candidate of the search can be trained; the last one: {why}")
        return self._with(number, replace(self.candidates[number], failure=why))

    def _with(self, number: int, candidate: Candidate) -> "Results":
        candidates = [candidate if n == number else c for n, c in enumerate(self.candidates)]
        found = replace(self, candidates=candidates)
        return found if found.due else replace(found, best=best(candidates, self.metric))


def best(candidates: Sequence[Candidate], metric: str) -> int:
    """The candidate with the best mean, the first of equal ones."""
    sign = -1.0 if metric in HIGHER_IS_BETTER else 1.0
    means = {n: sign * c.mean for n, c in enumerate(candidates) if c.mean is not None}
    return min(means, key=lambda number: means[number])


def look(job: Job, plan: Plan) -> Results:
    """What an earlier run has found, or nothing yet; CheckpointError names what is not as it was.

    JobFileError for a metric that this label does not have, and for more folds than rows.
    """
    search, rows = job.search, plan.datasets["train"].rows
    assert search
    if search.metric not in (told := _TOLD[plan.schema.label_type]):
        raise JobFileError(f"search.metric: this job is judged by {' or '.join(told)}, not by {search.metric}.")
    if search.folds and search.folds > rows:
        raise JobFileError(f"search.folds: {rows} rows can't be cut into {search.folds} folds.")
    identity = fingerprint_of(job, plan) | {
        f"search.{name}": value for name, value in msgspec.to_builtins(search).items()
    }
    identity["training.epochs"] = job.training.epochs
    identity["training.early_stopping"] = msgspec.to_builtins(job.training.early_stopping)
    candidates = [Candidate(values) for values in draw_candidates(search, job.training.seed)]
    found = _read(job) or Results(identity, job.shards, search.metric, search.folds or 1, candidates)
    check_same_job(job, found.identity, identity, found.shards, "search")
    return found


def write(job: Job, results: Results) -> None:
    """Replace the results of before; at every moment one of both files is whole."""
    whole, beside = _files(job)
    with reachable(str(job.checkpoint.path)):
        atomic.write(whole, msgspec.json.format(msgspec.json.encode(results)), beside)


def forget(job: Job) -> None:
    with reachable(str(job.checkpoint.path)):
        for url in (*_files(job), paths.trials(str(job.checkpoint.path))):
            storage.remove(url)


def _read(job: Job) -> Results | None:
    """The newest that is whole; CheckpointError where there are files, but none of them can be read."""
    why = ""
    with reachable(str(job.checkpoint.path)):
        for url in filter(storage.exists, _files(job)):
            try:
                return msgspec.json.decode(storage.read(url), type=Results)
            except msgspec.DecodeError as exc:
                why = f"{url} is not what a search writes: {exc}; use --restart to begin anew."
    if why:
        raise CheckpointError(why)
    return None


def _files(job: Job) -> tuple[str, str]:
    folder = str(job.checkpoint.path)
    return storage.join(folder, paths.SEARCH), paths.temporary(folder, paths.SEARCH)
