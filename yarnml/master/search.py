"""A search: one training after another on the same workers, which keep their rows and programs from one to the next.

Every training is a job of its own, with its own rounds and checkpoints, so what holds for those holds for a search:
the same bits on any number of workers, and after a stop it goes on with the training that was stopped.
"""

from msgspec.structs import replace

from yarnml import storage
from yarnml.checkpoint.fingerprint import find_resumable
from yarnml.checkpoint.store import Checkpoints, reachable
from yarnml.data.plan import Plan, fold_of, with_learner
from yarnml.data.survey import filled, lacking
from yarnml.errors import ModelError
from yarnml.events.events import (
    BestEpochChosen,
    Converged,
    EpochDone,
    Event,
    Listener,
    Ranked,
    SearchDone,
    SearchStarted,
    TrialDone,
)
from yarnml.job import paths
from yarnml.job.load import with_values
from yarnml.job.spec import Job
from yarnml.master import search_results
from yarnml.master.crew import Crew
from yarnml.master.rounds import Rounds
from yarnml.master.search_results import Results
from yarnml.master.stats import TrainingStats

_QUIET = EpochDone | Converged | BestEpochChosen  # of one training among many


class SearchRun:
    """The trainings of one job's search."""

    def __init__(self, job: Job, plan: Plan, found: Results, stats: TrainingStats) -> None:
        assert job.search
        self._job = replace(job, training=replace(job.training, shards=found.shards))
        self._search, self._plan, self._stats, self._found = job.search, plan, stats, found
        self._folder = str(job.checkpoint.path)
        self._fold: tuple[int, Plan] | None = None  # the newest
        self._whole: Plan

    def run(self, crew: Crew, say: Listener) -> tuple[Results, Plan]:
        """Make the trainings that are left; all results, and the plan with what all rows tell of the schema."""
        self._crew, self._say = crew, say
        found = self._found
        search_results.write(self._job, found)  # it has the number of shards, which stays
        say(SearchStarted(len(found.candidates), self._search.folds, found.metric, found.done))
        self._whole = self._surveyed(self._plan, "all")
        while due := self._found.due:
            self._judge(*due)
        with reachable(self._folder):
            storage.remove(paths.trials(self._folder))
        say(ranking(self._found))
        return self._found, self._whole

    def _judge(self, number: int, fold: int) -> None:
        """Train a candidate on all but one fold, and write down how it does on that one."""
        folder, why = paths.trial(self._folder, number, fold), ""
        try:
            self._found = self._found.trained(number, self._train(number, fold, folder))
        except ModelError as exc:
            why = str(exc)
            self._found = self._found.failed(number, why)
        search_results.write(self._job, self._found)
        with reachable(self._folder):
            storage.remove(folder)
        candidate = self._found.candidates[number]
        value = None if why else candidate.folds[fold][self._found.metric]
        told = fold if self._search.folds else None
        self._say(
            TrialDone(self._found.done, self._found.trainings, candidate.values, told, self._found.metric, value, why)
        )

    def _train(self, number: int, fold: int, folder: str) -> dict[str, float]:
        job = candidate_job(self._job, self._found, number)
        checkpoint = replace(job.checkpoint, path=folder)
        job = replace(job, checkpoint=checkpoint, export=None, profile=False, search=self._search)
        plan = with_learner(self._rows(fold), job.learner)
        checkpoints = Checkpoints(folder, job.checkpoint.keep)
        manifest = find_resumable(job, plan, checkpoints, self._say)
        checkpoints.prepare()
        outcome = Rounds(job, plan, checkpoints, manifest, self._stats).run(self._crew, self._tell)
        return outcome.metrics["validation"]

    def _rows(self, fold: int) -> Plan:
        """The plan of all trainings on one fold."""
        if not self._search.folds:
            return replace(self._whole, datasets={n: d for n, d in self._whole.datasets.items() if n != "test"})
        if self._fold is None or self._fold[0] != fold:
            schema = filled(replace(self._plan.schema, classes=self._whole.schema.classes), {})
            plan = fold_of(replace(self._plan, schema=schema), self._job, fold)
            self._fold = fold, self._surveyed(plan, f"fold-{fold}")
        return self._fold[1]

    def _surveyed(self, plan: Plan, what: str) -> Plan:
        """The plan with what those of its training rows that count tell of the schema."""
        if not lacking(plan.schema):
            return plan
        folder = paths.survey(self._folder, what)
        job = replace(self._job, checkpoint=replace(self._job.checkpoint, path=folder))
        rounds = Rounds(job, plan, Checkpoints(folder, 1), None, self._stats)
        return replace(plan, schema=rounds.survey(self._crew, self._say))

    def _tell(self, event: Event) -> None:
        if not isinstance(event, _QUIET):
            self._say(event)


def candidate_job(job: Job, found: Results, number: int) -> Job:
    """The job that a candidate is, without a search, on the shards that the search began with."""
    job = with_values(job, found.candidates[number].values)
    return replace(job, training=replace(job.training, shards=found.shards))


def ranking(found: Results) -> SearchDone:
    """What to tell of a search that is over."""
    rows = [Ranked(c.values, c.mean, c.deviation) for c in found.candidates]
    return SearchDone(found.metric, found.folds, rows, found.best or 0)
