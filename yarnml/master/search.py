"""A search: one training after another on the same workers, which keep their rows and programs from one to the next.

Every training is a job of its own, with its own rounds and checkpoints, so what holds for those holds for a search:
the same bits on any number of workers, and after a stop it goes on with the training that was stopped.
"""

from collections.abc import Callable
from typing import NamedTuple

from msgspec.structs import replace

from yarnml.checkpoint.store import Checkpoints, reachable
from yarnml.data.plan import Plan, fold_of, with_learner
from yarnml.data.survey import columns_to_survey, with_findings
from yarnml.errors import CheckpointError, ModelError
from yarnml.events.events import (
    BestEpochChosen,
    Converged,
    EpochDone,
    Event,
    LabelSummary,
    Listener,
    Ranked,
    SearchDone,
    SearchStarted,
    TrialDone,
)
from yarnml.job import paths
from yarnml.job.length import with_length
from yarnml.job.load import with_values
from yarnml.job.spec import Job
from yarnml.master import search_results
from yarnml.master.crew import Crew
from yarnml.master.rounds import Rounds
from yarnml.master.search_results import Results
from yarnml.master.stats import TrainingStats
from yarnml.master.training import Training, find_training

_LOUD_IN_ONE_TRAINING = LabelSummary | EpochDone | Converged | BestEpochChosen
"""Events that are not told of one training among many."""


class Search(NamedTuple):
    """The search of one job, as far as it has come.

    ``candidates``: the job that each candidate is, without a search, on the shards that the search began with.
    """

    job: Job
    plan: Plan
    results: Results
    candidates: list[Job]

    def best_training(self, checkpoints: Checkpoints, say: Listener) -> Training | None:
        """Find the training of the best candidate on all rows, which is the job's own; None as long as none is best.

        CheckpointError where the folder has checkpoints before the search is over, so not of its best candidate.
        """
        if self.results.best is None:
            if checkpoints.newest_step() is not None:
                raise CheckpointError(
                    f"checkpoint.path {self.job.checkpoint.path} has checkpoints of a job without this search. "
                    "Use --restart to begin anew, or another checkpoint.path to keep them."
                )
            return None
        job = self.candidates[self.results.best]
        training = find_training(job, with_learner(self.plan, job), checkpoints, say)
        return training._replace(metrics=self.results.metrics_of_best)


def find_search(job: Job, plan: Plan) -> Search:
    """Find what an earlier run of a job has searched; CheckpointError where it was another search."""
    results = search_results.find(job, plan)
    rows = plan.datasets["train"].rows
    candidates = []
    for candidate in results.candidates:
        candidate_job = with_length(with_values(job, candidate.values), rows)
        candidates.append(replace(candidate_job, training=replace(candidate_job.training, shards=results.shards)))
    return Search(job, plan, results, candidates)


class SearchRun:
    """The trainings that are left of a search, with one crew.

    ``confirm``: raises where another run leads the job by now.
    """

    def __init__(
        self, search: Search, stats: TrainingStats, crew: Crew, confirm: Callable[[], None], say: Listener
    ) -> None:
        assert search.job.search
        job = search.job
        self._job = replace(job, training=replace(job.training, shards=search.results.shards))
        self._options = search.job.search
        self._search = search
        self._results = search.results
        self._stats = stats
        self._crew = crew
        self._confirm = confirm
        self._say = say
        self._folder = str(job.checkpoint.path)
        self._newest_fold: tuple[int, Plan] | None = None

    def run(self) -> Search:
        """Make the trainings; returns the search with all results, and with what all rows tell of the schema."""
        results = self._results
        search_results.write(self._job, results)  # it has the number of shards, which stays
        self._say(SearchStarted(len(results.candidates), self._options.folds, results.metric, results.done))
        plan = self._surveyed(self._search.plan, "all")
        while due := self._results.due:
            number, fold = due
            self._judge(number, fold, plan)
        with reachable(self._folder):
            search_results.forget_trials(self._folder)
        self._say(ranking(self._results))
        return self._search._replace(plan=plan, results=self._results)

    def _judge(self, number: int, fold: int, plan: Plan) -> None:
        """Train a candidate on all but one fold, and write down how it does on that one."""
        folder = paths.trial(self._folder, number, fold)
        failure = ""
        try:
            self._results = self._results.trained(number, self._train(number, self._rows(fold, plan), folder))
        except ModelError as exc:
            failure = str(exc)
            self._results = self._results.failed(number, failure)
        self._confirm()
        search_results.write(self._job, self._results)
        with reachable(self._folder):
            search_results.forget_trial(folder)
        self._tell_trial(number, fold, failure)

    def _tell_trial(self, number: int, fold: int, failure: str) -> None:
        results = self._results
        candidate = results.candidates[number]
        value = None if failure else candidate.folds[fold][results.metric]
        shown_fold = fold if self._options.folds else None
        self._say(
            TrialDone(results.done, results.trainings, candidate.values, shown_fold, results.metric, value, failure)
        )

    def _train(self, number: int, plan: Plan, folder: str) -> dict[str, float]:
        """Train a candidate in a folder of its own; returns how it does on the rows that were left out."""
        job = self._search.candidates[number]
        checkpoint = replace(job.checkpoint, path=folder)
        # A job with a search tells the workers that other trainings on the same rows come next.
        job = replace(job, checkpoint=checkpoint, export=None, profile=False, search=self._options)
        checkpoints = Checkpoints(folder, job.checkpoint.keep, self._confirm)
        training = find_training(job, with_learner(plan, job), checkpoints, self._say)
        checkpoints.prepare()
        checkpoints.sweep()
        outcome = Rounds(training, self._stats, self._crew, self._tell).run()
        return outcome.metrics["validation"]

    def _rows(self, fold: int, plan: Plan) -> Plan:
        """Plan the trainings on one fold, out of the plan of all rows."""
        if not self._options.folds:
            return replace(plan, datasets={n: d for n, d in plan.datasets.items() if n != "test"})
        if self._newest_fold is None or self._newest_fold[0] != fold:
            # Classes come from all rows, since a fold may lack a rare one.  All else is found in the rows that are
            # trained on, so that those left out stay unknown to the model.
            schema = with_findings(replace(self._search.plan.schema, classes=plan.schema.classes), {})
            fold_plan = fold_of(replace(self._search.plan, schema=schema), self._job, fold)
            self._newest_fold = fold, self._surveyed(fold_plan, f"fold-{fold}")
        return self._newest_fold[1]

    def _surveyed(self, plan: Plan, what: str) -> Plan:
        """Return the plan with what those of its training rows that count tell of the schema.

        ``what``: names these rows, for the workers.
        """
        if not columns_to_survey(plan.schema):
            return plan
        folder = paths.survey(self._folder, what)
        job = replace(self._job, checkpoint=replace(self._job.checkpoint, path=folder))
        rounds = Rounds(Training(job, plan, Checkpoints(folder, 1), None), self._stats, self._crew, self._say)
        return replace(plan, schema=rounds.survey())

    def _tell(self, event: Event) -> None:
        if not isinstance(event, _LOUD_IN_ONE_TRAINING):
            self._say(event)


def ranking(results: Results) -> SearchDone:
    """Rank the candidates of a search that is over."""
    candidates = [Ranked(c.values, c.mean, c.deviation) for c in results.candidates]
    return SearchDone(results.metric, results.folds, candidates, results.best or 0)
