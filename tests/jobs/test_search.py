"""Cross-validation and search: many trainings as one job, on the same workers and the same rows."""

import json
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import StandardScaler

import yarnml
from tests.jobs.test_same_bits import model_digest
from tests.processes import running, wait_for
from yarnml.clusters.inline import open_crew
from yarnml.control.commands import Build, Initialize, ReportPosition, ipc
from yarnml.control.reports import StatePosition
from yarnml.data.plan import fold_of, make_plan
from yarnml.data.schema import Rows, Schema
from yarnml.errors import CheckpointError, Interrupted, ModelError
from yarnml.events.events import Continued, Event, Outcome, RoundStarted, SearchDone, SearchStarted, TrialDone
from yarnml.job.load import load_job
from yarnml.worker.loaders import Loaders, RowCaches

Job = dict[str, Any]

ROWS, SHARDS = 569, 3
FOLDS, L2 = 3, [1.0, 0.01]


def job_in(folder: Path) -> Job:
    """Logistic regression of the breast cancers, six row groups, two candidates on three folds."""
    x, y = load_breast_cancer(return_X_y=True)
    table = pa.table({"x": list(x.astype(np.float32)), "y": y, "row": np.arange(len(y))})
    pq.write_table(table, folder / "rows.parquet", row_group_size=100)
    return {
        "name": "cancers",
        "data": {"train": str(folder / "rows.parquet"), "features": ["x"], "label": "y", "scale": "standard"},
        "learner": {"kind": "logistic", "solver": "newton"},
        "training": {"shards": SHARDS},
        "search": {"folds": FOLDS, "over": {"learner.l2": L2}},
        "checkpoint": {"path": str(folder / "job"), "every": "2 epochs"},
        "export": str(folder / "models"),
    }


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return job_in(tmp_path)


class Undisturbed(NamedTuple):
    """What the job ends with in one process: its outcome, search.json, and the digest of its model."""

    outcome: Outcome
    results: dict[str, Any]
    digest: str


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    job = job_in(tmp_path_factory.mktemp("undisturbed"))
    return Undisturbed(yarnml.run(job, "inline"), results(job), model_digest(job))


def results(job: Job) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((Path(job["checkpoint"]["path"]) / "search.json").read_text())
    return found


def folds_of(job: Job) -> Iterator[tuple[Loaders, Schema]]:
    """The feeds of each fold, as one worker has them one after another."""
    spec = load_job(job)
    assert spec.search
    plan, caches = make_plan(spec), RowCaches()
    for number in range(spec.search.folds or 0):
        fold = fold_of(plan, spec, number)
        initialize = Initialize(spec, fold.datasets, {n: ipc(s) for n, s in fold.stored.items()}, SHARDS)
        yield Loaders(initialize, caches), replace(fold.schema, classes=(0, 1))


def numbers(batches: Iterable[Rows]) -> list[int]:
    """Of the rows that count, ascending."""
    return sorted(int(row) for batch in batches for row in batch.x[batch.weight > 0, 0])


def held_out(job: Job) -> list[list[int]]:
    """The rows of each fold, by their numbers, read as a worker reads them."""
    found = []
    for feeds, schema in folds_of(job | {"data": job["data"] | {"features": ["row"]}}):
        both = [
            numbers(b for shard in range(SHARDS) for b in feeds.loader(name, schema).scan(shard))
            for name in ("train", "validation")
        ]
        assert sorted(both[0] + both[1]) == [*range(len(both[0] + both[1]))]
        found.append(both[1])
    return found


def test_folds_share_the_rows(job: Job) -> None:
    """Every row is held out in one fold and counts in all others; folds are equal to a row, whatever the groups are."""
    folds = held_out(job)
    assert sorted(row for fold in folds for row in fold) == list(range(ROWS))
    assert sorted(map(len, folds)) == [189, 190, 190]
    assert folds != held_out(job | {"training": {"seed": 1}})


def test_stratified_folds(job: Job, tmp_path: Path) -> None:
    """Each class has its share of every fold, to two rows a group; single rows of a rare class go to any fold."""
    job["data"]["stratify"] = True
    y = load_breast_cancer().target
    for low in range(0, ROWS, 100):
        group = y[low : low + 100]
        for fold in held_out(job):
            mine = [row for row in fold if low <= row < low + 100]
            assert abs(y[mine].sum() - group.sum() / FOLDS) < 2
    rare = np.tile([0] * 24 + [1], 40)
    pq.write_table(pa.table({"row": np.arange(1000), "y": rare}), tmp_path / "rows.parquet", row_group_size=25)
    assert all(5 <= rare[fold].sum() <= 22 for fold in held_out(job))


@pytest.mark.long
def test_agrees_with_scikit_learn(job: Job, undisturbed: Undisturbed) -> None:
    """Mean and deviation over the folds are those of scikit-learn on the same rows, scaled by what was trained on."""
    x, y = load_breast_cancer(return_X_y=True)
    expected, folds = {}, held_out(job)
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
        found = candidate["mean"], candidate["deviation"]
        assert found == pytest.approx(expected[candidate["values"]["learner.l2"]], rel=2e-4)
    best = min(L2, key=lambda l2: expected[l2][0])
    assert L2[undisturbed.results["best"]] == best
    assert undisturbed.outcome.metrics["folds"]["loss"] == pytest.approx(expected[best][0], rel=2e-4)


def test_the_best_is_trained_on_all_rows(job: Job, undisturbed: Undisturbed) -> None:
    """What is exported has the bits of a plain job with the best values, and the model knows how it did."""
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
    told = list[Event]()

    def say(event: Event) -> None:
        told.append(event)
        without_data(job, event)

    yarnml.run(job | {"workers": {"count": 2}}, "local", say=say)
    assert sum(isinstance(event, TrialDone) for event in told) == FOLDS * len(L2)
    logs = Path(job["checkpoint"]["path"]) / "logs"
    assert sorted(log.name for log in logs.iterdir()) == ["worker-0.log", "worker-1.log"]
    assert (results(job), model_digest(job)) == (undisturbed.results, undisturbed.digest)


def test_folds_share_what_is_decoded(job: Job) -> None:
    """All feeds of all folds together decode each row once: it is kept once, whatever counts."""
    read = 0
    for feeds, schema in folds_of(job):
        for feed in (feeds.loader("train", schema), feeds.loader("validation", schema)):
            for shard in range(SHARDS):
                list(feed.scan(shard))
            read += feed.bytes_read
    assert read == ROWS * (30 + 2) * 4


def test_a_state_belongs_to_one_training(job: Job) -> None:
    """A worker that has missed the begin of a training does not offer it the state of the one before."""
    job["data"]["classes"] = [0, 1]
    spec, said = load_job(job), list[Event]()
    plan = make_plan(spec)
    with open_crew(spec, "", said.append) as crew:
        begin = Initialize(spec, plan.datasets, {n: ipc(s) for n, s in plan.stored.items()}, SHARDS)
        for command in (begin, Build(plan.schema)):
            crew.run(command, SHARDS)
        assert crew.run(ReportPosition(begin.folder), SHARDS) == {0: StatePosition(0, 0.0, 0.0)}
        assert crew.run(ReportPosition("another"), SHARDS) == {0: StatePosition(-1, 0.0, 0.0)}


def test_steps_by_batches(job: Job) -> None:
    """The steps of all folds have one form; in an epoch every row that counts comes once, the others weigh nothing."""
    job["data"]["features"] = ["row"]
    shapes, held = set(), held_out(job)
    for (feeds, schema), mine in zip(folds_of(job), held, strict=True):
        feed = feeds.loader("train", schema)
        steps = feed.steps(100)
        batches = [feed.batch(shard, 0, 0, step, steps, 50) for step in range(steps) for shard in range(SHARDS)]
        assert numbers(batches) == sorted({*range(ROWS)} - {*mine})
        shapes |= {(steps, batch.x.shape) for batch in batches}
    assert len(shapes) == 1


def stopped(job: Job, when: Callable[[Event], bool], told: list[Event]) -> str:
    """What is said when the user stops a job at a certain event."""

    def say(event: Event) -> None:
        told.append(event)
        if when(event):
            raise KeyboardInterrupt

    with pytest.raises(Interrupted) as caught:
        yarnml.run(job, "inline", say=say)
    return str(caught.value)


def test_goes_on_after_a_stop(job: Job, undisturbed: Undisturbed) -> None:
    """A training that is done is never made again, one that was stopped goes on from its checkpoint; same results."""
    told = list[Event]()
    words = stopped(job, lambda event: isinstance(event, TrialDone) and event.done == 2, told)
    assert "2 of the 6 trainings of the search are done" in words
    stopped(job, lambda event: isinstance(event, RoundStarted) and event.first == 2, told)
    yarnml.run(job, "inline", say=told.append)
    assert [event.done for event in told if isinstance(event, SearchStarted)] == [0, 2, 2]
    assert [event.done for event in told if isinstance(event, TrialDone)] == [1, 2, 3, 4, 5, 6]
    assert [event.step for event in told if isinstance(event, Continued)] == [2]
    assert (results(job), model_digest(job)) == (undisturbed.results, undisturbed.digest)
    assert yarnml.run(job, "inline").already
    assert not (Path(job["checkpoint"]["path"]) / "trials").exists()


@pytest.mark.long
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


def test_judged_by_validation_data(job: Job) -> None:
    """Without folds the validation data judges, once for each candidate; the best one's metrics come out again."""
    job["data"]["validation"] = 0.25
    job["search"] = {"over": {"learner.l2": L2}, "metric": "roc_auc"}
    outcome = yarnml.run(job, "inline")
    found = results(job)
    aucs = [candidate["folds"][0]["roc_auc"] for candidate in found["candidates"]]
    assert len({*aucs}) > 1
    assert found["best"] == aucs.index(max(aucs))
    assert outcome.metrics == {"validation": found["candidates"][found["best"]]["folds"][0]}


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
    told = list[Event]()
    yarnml.run(job, "inline", say=told.append)
    diverged, trained = results(job)["candidates"]
    assert "The loss is" in diverged["failure"]
    assert diverged["mean"] is None
    assert len(trained["folds"]) == 2
    assert next(event for event in told if isinstance(event, SearchDone)).best == 1
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
