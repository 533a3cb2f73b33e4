"""``data.follow``: learning from files that come, each exactly once, to the same bits whatever dies."""

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sklearn.metrics import log_loss

import yarnml
from tests.conftest import MakeOnce
from tests.jobs.conftest import model_bits
from tests.jobs.streams import ALL_FILES, Job, Killed, cancer, of, put, record_of, run, stream_job, taken
from tests.processes import running, wait_for
from yarnml.errors import JobFileError
from yarnml.events.events import BatchJudged, BatchLearned, Event, WarmStarted
from yarnml.model.aliases import aliases

pytestmark = pytest.mark.long


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return stream_job(tmp_path)


@pytest.fixture(scope="module")
def rows() -> Any:
    return cancer()


@pytest.fixture
def undisturbed(made_once: MakeOnce) -> bytes:
    """The newest model of the stream where nothing happens to it."""

    def train(folder: Path) -> None:
        yarnml.run(stream_job(folder), "inline")

    return model_bits({"export": str(made_once("an undisturbed stream", train) / "models")})


def killer(moment: int) -> Callable[[Event], None]:
    """A listener that dies at its event number ``moment``, from 1."""
    left = [moment]

    def listen(event: Event) -> None:
        left[0] -= 1
        if not left[0]:
            raise Killed

    return listen


def killed_until_done(job: Job, seed: int, between: Callable[[], object] = lambda: None) -> int:
    """Run a job again and again, killed at events that the seed draws, until it ends; returns the number of kills."""
    draw = random.Random(seed)
    kills = 0
    while True:
        try:
            yarnml.run(job, "inline", say=killer(draw.randint(1, 14)))
            return kills
        except Killed:
            kills += 1
            between()


def test_a_batch_is_evaluated_then_learned_then_exported(job: Job, rows: Any) -> None:
    """A batch is judged by what the version before it says of these rows; each file is taken once."""
    events = run(job)
    assert taken(job) == ALL_FILES
    judged = of(events, BatchJudged)
    assert [(event.batch, event.files, event.rows) for event in judged] == [(1, 2, 100), (2, 2, 100), (3, 2, 100)]
    models = Path(job["export"])
    assert [event.export for event in of(events, BatchLearned)] == [str(models / str(n)) for n in (1, 2, 3, 4)]
    start = rows.num_rows - 300
    for event in judged:
        seen = rows.slice(start + 100 * (event.batch - 1), 100)
        outputs = yarnml.load_model(models / str(event.batch)).outputs(seen)
        assert event.metrics["loss"] == pytest.approx(log_loss(seen["target"].to_numpy(), outputs), rel=1e-4)
    assert judged[2].window["loss"] == pytest.approx(sum(event.metrics["loss"] for event in judged) / 3)
    about = yarnml.load_model(models / "4").about
    assert about["metrics"]["stream"] == judged[2].metrics
    assert about["parent"]["folder"].endswith("batches/000000002-0/checkpoints/step-000000000002")
    again = yarnml.run(job, "inline")
    assert again.already
    assert again.export == str(models / "4")


def test_the_same_bits_whatever_is_killed(job: Job, undisturbed: bytes) -> None:
    """A stream that is killed time and again takes the same batches, and ends with the same model, exported once."""
    assert killed_until_done(job, 0) > 3
    assert taken(job) == ALL_FILES
    assert model_bits(job) == undisturbed
    assert sorted(path.name for path in Path(job["export"]).iterdir() if path.name.isdecimal()) == ["1", "2", "3", "4"]


@pytest.mark.faults
def test_two_hundred_kills(job: Job, rows: Any, undisturbed: bytes, tmp_path: Path) -> None:
    """In 200 kills no file is lost or doubled, also where files come and go meanwhile."""
    kills = 0
    seed = 0
    while kills < 100:
        seed += 1
        for name in ("job", "models"):
            shutil.rmtree(tmp_path / name, ignore_errors=True)
        kills += killed_until_done(job, seed)
        assert taken(job) == ALL_FILES
        assert model_bits(job) == undisturbed
    late: list[str] = []

    def arrive() -> None:
        if len(late) < 40:
            late.append(put(rows.slice(len(late), 30), tmp_path / "in", 100 + len(late)).name)

    while kills < 200:
        seed += 1
        kills += killed_until_done(job, seed, arrive)
        for path in (tmp_path / "in").iterdir():
            path.unlink()  # learned files may go
    run(job)
    assert sorted(taken(job)) == sorted([*ALL_FILES, *late])


@pytest.mark.breadth
def test_processes_that_die(job: Job, write_job: Any, undisturbed: bytes) -> None:
    """Three workers of which one is killed, and then all with their master, end with the bits of one process."""
    job["workers"] = {"count": 3}
    with running(write_job(job)) as process:
        wait_for("the first batch", lambda: "batch 1 is learned" in process.printed())
        process.children("worker")[1].kill()
        wait_for("the second", lambda: "batch 2 is learned" in process.printed())
        process.kill_all()
    job["workers"] = {"count": 2}
    with running(write_job(job)) as process:
        status, out, err = process.end()
    assert status == 0, err
    assert "batch 3 is learned" in out
    assert taken(job) == ALL_FILES
    assert model_bits(job) == undisturbed


def test_drift_is_told_and_holds_the_alias(job: Job, rows: Any, tmp_path: Path) -> None:
    """Rows unlike those of the history are exported and told, and the alias stays at the version before."""
    shutil.rmtree(tmp_path / "in")
    put(rows.slice(100, 120), tmp_path / "in", 0)
    run(job, promote="production", drift={"psi": 2.0, "worse": 0.01})
    assert aliases(job["export"]) == {"production": 2}
    place = rows.column_names.index("mean area")
    scaled = [10 * value for value in rows["mean area"].to_pylist()]
    put(rows.set_column(place, "mean area", [scaled]).slice(0, 100), tmp_path / "in", 1)
    (judged,) = of(run(job, promote="production", drift={"psi": 2.0, "worse": 0.01}), BatchJudged)
    assert judged.column == "mean area"
    assert judged.psi == record_of(job).judged[-1].psi["mean area"]
    assert judged.drift.startswith("PSI of mean area is ")
    assert "and loss is " in judged.drift
    assert aliases(job["export"]) == {"production": 2}
    assert record_of(job).exported == 2


def test_tables_go_on_from_a_stream(job: Job, example_data: Any, tmp_path: Path) -> None:
    """A learner with keys goes on with its table and the optimizer's state, and meets new keys."""
    table = pq.read_table(next(Path(example_data("clicks") / "test").iterdir())).slice(0, 3000)
    pq.write_table(table.slice(0, 2000), tmp_path / "history.parquet")
    shutil.rmtree(tmp_path / "in")
    for number in range(2):
        put(table.slice(2000 + 500 * number, 500), tmp_path / "in", number)
    job["data"] |= {
        "features": ["site", "user"],
        "label": "clicked",
        "scale": "none",
        "prepare": [{"kind": "key", "columns": ["site", "user"]}],
    }
    job |= {"learner": {"kind": "sparse_linear"}, "training": {"epochs": 1, "batch_size": 500, "shards": 2}}
    events = run(job, files=1)
    assert [event.rows for event in of(events, BatchJudged)] == [500, 500]
    sizes = [json.loads((tmp_path / "models" / str(n) / "model.json").read_text())["parameters"] for n in (1, 2, 3)]
    assert sizes[0] < sizes[1] < sizes[2]
    events = []
    newest = record_of(job).state
    with pytest.raises(JobFileError, match="is a model, which has weights by key without the optimizer's state"):
        yarnml.run(next_job(job, tmp_path) | {"start_from": job["export"]}, "inline")
    yarnml.run(next_job(job, tmp_path) | {"start_from": newest}, "inline", say=events.append)
    assert [event.content for event in of(events, WarmStarted)] == ["parameters and the optimizer's state"]


def next_job(job: Job, folder: Path) -> Job:
    """The job without its stream, in folders of its own."""
    data = {name: value for name, value in job["data"].items() if name != "follow"}
    return job | {"data": data, "checkpoint": {"path": str(folder / "next")}, "export": str(folder / "next-models")}


@pytest.mark.parametrize(
    ("changes", "follow", "sentence"),
    [
        ({"learner": {"kind": "tree"}, "training": {}}, {}, "learner.kind tree needs all rows at once"),
        ({"export": None}, {"promote": "production"}, "data.follow.promote names versions of a model, so export is"),
        ({}, {"until": "tomorrow"}, "data.follow.until must be empty, a number of batches"),
        ({}, {"until": "2026-12-01T06:00:00"}, "or a time with its zone"),
        ({}, {"every": "5 minutes"}, "data.follow.every must be"),
        ({}, {"metric": "mae"}, "data.follow.metric: this job can be judged by"),
        ({"search": {"over": {"learner.l2": [0.1]}}}, {}, "data.follow is for one training"),
    ],
)
def test_bad_streams(job: Job, changes: Job, follow: Job, sentence: str) -> None:
    """A stream that can't be followed is refused in one sentence, before anything is trained."""
    with pytest.raises(JobFileError, match=sentence):
        run(job | changes, **follow)
    assert not (Path(job["export"])).exists() or not list(Path(job["export"]).glob("[0-9]*"))
