"""The results of a search so far: ``search.json`` in the job's folder, from which it goes on after a stop."""

import contextlib
from collections.abc import Sequence
from statistics import fmean, pstdev
from typing import Literal

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from yarnml import storage
from yarnml.checkpoint.fingerprint import Identity, check_same_job, fingerprint_of
from yarnml.checkpoint.store import Checkpoints, reachable
from yarnml.data.group_folds import check_group_folds
from yarnml.data.plan import Plan
from yarnml.errors import CheckpointError, JobFileError, ModelError
from yarnml.job import paths
from yarnml.job.metrics import check_metric, rises
from yarnml.job.search_space import Values, draw_candidates
from yarnml.job.spec import Job
from yarnml.storage import atomic, integrity

_BEGINNING = b'{\n  "identity": {'


class Candidate(Struct, frozen=True):
    """One combination of values.

    ``folds``: the metrics of each fold that is done, in order; without folds one, of the validation data.
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
        """The mean of every metric that all folds have."""
        names = [name for name in self.folds[0] if all(name in fold for fold in self.folds)]
        return {name: fmean(fold[name] for fold in self.folds) for name in names}


class Results(Struct, frozen=True):
    """The content of search.json.

    ``folds``: trainings of each candidate.
    ``best``: the number of the best candidate, from 0, once all are done.
    """

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
        """Number of the trainings that are over, those that are left out after a failure among them."""
        return sum(self.folds if c.failure else len(c.folds) for c in self.candidates)

    @property
    def trainings(self) -> int:
        return self.folds * len(self.candidates)

    @property
    def metrics_of_best(self) -> dict[str, dict[str, float]]:
        """The means of the best candidate under the name ``folds``; empty without a cross-validation."""
        if self.best is None or self.folds == 1:
            return {}
        return {"folds": self.candidates[self.best].means}

    def trained(self, number: int, metrics: dict[str, float]) -> "Results":
        """Add the metrics of a candidate's next fold; JobFileError where the search's metric is not among them."""
        if self.metric not in metrics:
            raise JobFileError(
                f"search.metric: the evaluation has no '{self.metric}'; it has {', '.join(metrics) or 'no rows'}."
            )
        candidate = self.candidates[number]
        candidate = replace(candidate, folds=[*candidate.folds, metrics])
        if len(candidate.folds) == self.folds:
            values = [fold[self.metric] for fold in candidate.folds]
            candidate = replace(candidate, mean=fmean(values), deviation=pstdev(values))
        return self._with(number, candidate)

    def failed(self, number: int, why: str) -> "Results":
        """Mark a candidate as one that can't be trained; ModelError where none can."""
        if all(candidate.failure for n, candidate in enumerate(self.candidates) if n != number):
            raise ModelError(f"No candidate of the search can be trained; the last one: {why}")
        return self._with(number, replace(self.candidates[number], failure=why))

    def _with(self, number: int, candidate: Candidate) -> "Results":
        candidates = [candidate if n == number else c for n, c in enumerate(self.candidates)]
        results = replace(self, candidates=candidates)
        return results if results.due else replace(results, best=best(candidates, self.metric))


def best(candidates: Sequence[Candidate], metric: str) -> int:
    """Find the candidate with the best mean, the first of equal ones."""
    sign = -1.0 if rises(metric) else 1.0
    means = {n: sign * c.mean for n, c in enumerate(candidates) if c.mean is not None}
    return min(means, key=lambda number: means[number])


def find(job: Job, plan: Plan) -> Results:
    """Return the results of an earlier run, or empty ones; CheckpointError names what differs from that run's job.

    JobFileError for a metric that this label does not have, and for more folds than rows.
    """
    search = job.search
    rows = plan.datasets["train"].rows
    assert search
    task = job.learner.judged_as(plan.schema.task)
    check_metric("search.metric", search.metric, task, len(plan.schema.classes or ()))
    if search.folds and search.folds > rows:
        raise JobFileError(f"search.folds: {rows} rows can't be cut into {search.folds} folds.")
    identity = fingerprint_of(job, plan) | {
        f"search.{name}": value for name, value in msgspec.to_builtins(search).items()
    }
    if not search.whole_groups:
        del identity["search.whole_groups"]  # searches of earlier versions had none
    identity["training.epochs"] = job.training.epochs
    identity["training.early_stopping"] = msgspec.to_builtins(job.training.early_stopping)
    candidates = [Candidate(values) for values in draw_candidates(search, job.training.seed)]
    results = read(job)
    if results is None:
        check_group_folds(job, plan)
        results = Results(identity, job.shards, search.metric, search.folds or 1, candidates)
    check_same_job(job, results.identity, identity, results.shards, "search")
    return results


def write(job: Job, results: Results) -> None:
    """Replace the results of before; at every moment one of both files is whole."""
    whole, beside = _files(job)
    with reachable(str(job.checkpoint.path)):
        atomic.write(whole, msgspec.json.format(msgspec.json.encode(results)), beside)


def forget(job: Job) -> None:
    """Remove the results and what is left of the trainings; what is none of a search's stays."""
    folder = str(job.checkpoint.path)
    with reachable(folder):
        for url in filter(storage.exists, _files(job)):
            with contextlib.suppress(IsADirectoryError):
                if _is_own(storage.read(url)):
                    storage.remove_file(url)
        forget_trials(folder)


def _is_own(data: bytes) -> bool:
    """Tell results, damaged ones too, from a file of somebody else."""
    try:
        msgspec.json.decode(data, type=Results)
    except integrity.UNDECODABLE:
        return integrity.begins(data, _BEGINNING)
    return True


def forget_trials(job_folder: str) -> None:
    """Remove the folders of a search's trainings."""
    trials = paths.trials(job_folder)
    for name in filter(paths.is_trial, storage.names(trials)):
        forget_trial(storage.join(trials, name))
    storage.remove_empty(trials)


def forget_trial(folder: str) -> None:
    """Remove the folder of one training of a search."""
    if not storage.is_link(folder):
        Checkpoints(folder, 1).clear()
        atomic.clear(folder, (paths.OUTCOME,))


def read(job: Job) -> Results | None:
    """Return the newest results that are whole, None where there are no files.

    CheckpointError where there are files, but none of them can be read.
    """
    why = ""
    with reachable(str(job.checkpoint.path)):
        for url in filter(storage.exists, _files(job)):
            data = storage.read(url)
            try:
                return msgspec.json.decode(data, type=Results)
            except integrity.UNDECODABLE as exc:
                advice = "use --restart to begin anew" if _is_own(data) else "move it away"
                why = f"{url} is not what a search writes: {exc}; {advice}, or give this job another checkpoint.path."
    if why:
        raise CheckpointError(why)
    return None


def _files(job: Job) -> tuple[str, str]:
    """Return the names of the file and of the one beside it, which alone is there for a moment of each write."""
    folder = str(job.checkpoint.path)
    return storage.join(folder, paths.SEARCH), paths.temporary(folder, paths.SEARCH)
