"""Cross-validation and search: many trainings as one job, on the same workers and the same rows."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

import yarnml
from tests.jobs.searches import FOLDS, L2, SHARDS, Job, held_out, job_in, results
from tests.jobs.test_same_bits import model_digest
from tests.processes import running, wait_for
from yarnml.errors import CheckpointError, Interrupted, ModelError
from yarnml.events.events import Continued, Event, Outcome, RoundStarted, SearchDone, SearchStarted, TrialDone

pytestmark = pytest.mark.long


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return job_in(tmp_path)


class Undisturbed(NamedTuple):
    """The end of the job in one process: its outcome, search.json, and the digest of its model."""

    outcome: Outcome
    results: dict[str, Any]
    digest: str


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    job = job_in(tmp_path_factory.mktemp("undisturbed"))
    return Undisturbed(yarnml.run(job, "inline"), results(job), model_digest(job))


def test_agrees_with_scikit_learn(job: Job, undisturbed: Undisturbed) -> None:
    """Mean and deviation over the folds are those of scikit-learn on the same rows, scaled by what was trained on."""
    x, y = load_breast_cancer(return_X_y=True)
    expected = {}
    folds = held_out(job)
    for l2 in L2:
        losses = []
        for fold in folds:
            kept = np.setdiff1d(np.arange(len(y)), fold)
            scaler = StandardScaler().fit(x[kept])
            model = LogisticRegression(C=1 / (l2 * len(kept)), tol=1e-8, max_iter=1000)
            model.fit(scaler.transform(x[kept]), y[kept])
            losses.append(log_loss(y[fold], model.predict_proba(scaler.transform(x[fold]))))
        expected[l2] = np.mean(losses), np.std(losses)
    for candidate in undisturbed.results["candidates"]:
        scores = candidate["mean"], candidate["deviation"]
        assert scores == pytest.approx(expected[candidate["values"]["learner.l2"]], rel=2e-4)
    best = min(L2, key=lambda l2: expected[l2][0])
    assert L2[undisturbed.results["best"]] == best
    assert undisturbed.outcome.metrics["folds"]["loss"] == pytest.approx(expected[best][0], rel=2e-4)


def test_the_best_is_trained_on_all_rows(job: Job, undisturbed: Undisturbed) -> None:
    """The exported model has the bits of a plain job with the best values, and knows how it did."""
    job.pop("search")
    job["learner"]["l2"] = L2[undisturbed.results["best"]]
    yarnml.run(job, "inline")
    assert model_digest(job) == undisturbed.digest
    about = yarnml.load_model(str(undisturbed.outcome.export)).about
    assert about["metrics"]["folds"] == undisturbed.outcome.metrics["folds"]
    assert about["job"]["learner"]["l2"] == job["learner"]["l2"]


def without_data(job: Job, event: Event) -> None:
    """Take the data away as soon as the first candidate is judged: who reads again fails."""
    if isinstance(event, TrialDone):
        Path(job["data"]["train"]).unlink(missing_ok=True)


def test_rows_are_read_once(job: Job, undisturbed: Undisturbed) -> None:
    """Workers read every row before the first candidate is judged, and never again: its file is gone by then.

    There is one process a worker all the time, and the model has the bits of a single one.
    """
    events = list[Event]()

    def say(event: Event) -> None:
        events.append(event)
        without_data(job, event)

    yarnml.run(job | {"workers": {"count": 2, "backups": False}}, "local", say=say)  # a backup task reads its rows, too
    assert sum(isinstance(event, TrialDone) for event in events) == FOLDS * len(L2)
    logs = Path(job["checkpoint"]["path"]) / "logs"
    assert sorted(log.name for log in logs.glob("worker-*")) == ["worker-0.log", "worker-1.log"]
    assert (results(job), model_digest(job)) == (undisturbed.results, undisturbed.digest)


def stopped(job: Job, when: Callable[[Event], bool], events: list[Event]) -> str:
    """The sentence of a job that its user stops at a certain event; ``events`` takes all until then."""

    def say(event: Event) -> None:
        events.append(event)
        if when(event):
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        yarnml.run(job, "inline", say=say)
    return str(caught.value)


def test_goes_on_after_a_stop(job: Job, undisturbed: Undisturbed) -> None:
    """A training that is done is never made again, one that was stopped goes on from its checkpoint; same results."""
    events = list[Event]()
    words = stopped(job, lambda event: isinstance(event, TrialDone) and event.done == 2, events)
    assert "2 of the 6 trainings of the search are done" in words
    stopped(job, lambda event: isinstance(event, RoundStarted) and event.first == 2, events)
    yarnml.run(job, "inline", say=events.append)
    assert [event.done for event in events if isinstance(event, SearchStarted)] == [0, 2, 2]
    assert [event.done for event in events if isinstance(event, TrialDone)] == [1, 2, 3, 4, 5, 6]
    assert [event.step for event in events if isinstance(event, Continued)] == [2]
    assert (results(job), model_digest(job)) == (undisturbed.results, undisturbed.digest)
    assert yarnml.run(job, "inline").already
    assert not (Path(job["checkpoint"]["path"]) / "trials").exists()


@pytest.mark.breadth
def test_goes_on_without_a_worker(job: Job, undisturbed: Undisturbed, write_job: Any) -> None:
    """A worker that is killed in the middle of a search costs nothing but time: the same results and bits."""
    with running(write_job(job | {"workers": {"count": 2}})) as run:
        wait_for("a training", lambda: "training 2/6" in run.printed())
        run.children()[0].kill()
        status, out, err = run.end()
    assert status == 0, err
    assert "lost: worker 0" in out
    assert "best" in out
    assert (results(job), model_digest(job)) == (undisturbed.results, undisturbed.digest)


@pytest.mark.breadth
def test_judged_by_validation_data(job: Job) -> None:
    """Without folds the validation data judges, once for each candidate; the best one's metrics come out again."""
    job["data"]["validation"] = 0.25
    job["search"] = {"over": {"learner.l2": L2}, "metric": "roc_auc"}
    outcome = yarnml.run(job, "inline")
    content = results(job)
    aucs = [candidate["folds"][0]["roc_auc"] for candidate in content["candidates"]]
    assert len({*aucs}) > 1
    assert content["best"] == aucs.index(max(aucs))
    assert outcome.metrics == {"validation": content["candidates"][content["best"]]["folds"][0]}


def test_trees_leave_the_rows_to_others(job: Job) -> None:
    """A learner that holds its shards in its own way reads them once, too: the next training finds the rows."""
    job["data"]["scale"] = "none"
    job |= {"learner": {"kind": "tree", "depth": 1, "bins": 8}, "training": {"shards": SHARDS}}
    job["search"] = {"folds": 2}
    yarnml.run(job, "inline", say=lambda event: without_data(job, event))
    assert len(results(job)["candidates"][0]["folds"]) == 2


def test_a_candidate_that_diverges(job: Job) -> None:
    """A candidate that can't be trained loses, with its reason; where none can, the search ends with that."""
    rates = [1e30, 0.1]
    job |= {"learner": {"kind": "linear", "optimizer": {"kind": "sgd"}}, "training": {"epochs": 2, "batch_size": 100}}
    job["data"] |= {"label_type": "number"}
    job["search"] = {"folds": 2, "over": {"learner.optimizer.learning_rate": rates}}
    events = list[Event]()
    yarnml.run(job, "inline", say=events.append)
    diverged, trained = results(job)["candidates"]
    assert "The loss is" in diverged["failure"]
    assert diverged["mean"] is None
    assert len(trained["folds"]) == 2
    assert next(event for event in events if isinstance(event, SearchDone)).best == 1
    job["search"]["over"] = {"learner.optimizer.learning_rate": rates[:1]}
    with pytest.raises(ModelError, match=r"No candidate of the search can be trained; the last one: The loss is"):
        yarnml.run(job, "inline", restart=True)


def test_another_search_is_not_continued(job: Job, tmp_path: Path) -> None:
    """A folder with another search, or with a plain job's checkpoints, is refused with what differs, and kept."""
    stopped(job, lambda event: isinstance(event, TrialDone), [])
    other = job | {"search": job["search"] | {"metric": "accuracy"}, "training": {"shards": 2, "epochs": 3}}
    with pytest.raises(CheckpointError, match=r"search\.metric \(loss → accuracy\).*epochs.*shards \(3 → 2\) changed"):
        yarnml.run(other, "inline")
    job["checkpoint"] = {"path": str(tmp_path / "plain")}
    yarnml.run({name: section for name, section in job.items() if name != "search"}, "inline")
    with pytest.raises(CheckpointError, match="has checkpoints of a job without this search"):
        yarnml.run(job, "inline")
