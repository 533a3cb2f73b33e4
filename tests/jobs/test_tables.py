"""Jobs with tables: the same bits with any number of processes, whatever was killed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import yarnml
from tests.conftest import MakeOnce
from tests.processes import lose_each_role, running, saved_steps, wait_for

pytestmark = pytest.mark.long

Job = dict[str, Any]


@pytest.fixture
def job(example_data: Callable[[str], Path], tmp_path: Path) -> Job:
    """Steps of five shards, on keys of texts, numbers and lists; the first epoch has the best model."""
    features = ["site", "advertisement", "device", "user", "words"]
    return {
        "name": "tables",
        "data": {
            "train": str(example_data("clicks") / "test"),
            "features": [*features, "pages"],
            "label": "clicked",
            "validation": 0.2,
            "prepare": [{"kind": "key", "columns": features}],
        },
        "learner": {
            "kind": "wide_and_deep",
            "width": 3,
            "hidden": [8],
            "min_count": 4,
            "max_age": "8 steps",
            "optimizer": {"kind": "ftrl", "alpha": 1.0},
        },
        "training": {"epochs": 2, "batch_size": 400, "shards": 5, "early_stopping": {}},
        "checkpoint": {"path": str(tmp_path / "job"), "every": "5 steps"},
        "export": str(tmp_path / "models"),
    }


def model_bits(folder: Path) -> list[bytes]:
    return [(folder / "1" / name).read_bytes() for name in ("model.safetensors", "table.safetensors")]


@pytest.fixture
def alone(job: Job, made_once: MakeOnce) -> Callable[[], list[bytes]]:
    """Trains the job, as it is now, in one process; the bits of its model."""

    def bits() -> list[bytes]:
        def train(folder: Path) -> None:
            yarnml.run(job | {"checkpoint": {"path": str(folder / "job")}, "export": str(folder / "models")}, "inline")

        training = job["training"]
        name = f"a model with a table, {training.get('delay', 0)}, {training['epochs']}"
        return model_bits(made_once(name, train) / "models")

    return bits


@pytest.fixture
def expected(alone: Callable[[], list[bytes]]) -> list[bytes]:
    """The model of one process."""
    return alone()


def in_state(job: Job, state: str, workers: int, reducers: int) -> Job:
    """The job with this ``training.state``, in so many processes."""
    training = job["training"] | {"state": state}
    checkpoint = job["checkpoint"] | {"full_every": 3 if state == "sharded" else 1}
    return job | {
        "training": training,
        "workers": {"count": workers},
        "reducers": {"count": reducers},
        "checkpoint": checkpoint,
    }


INLINE = ("replicated", 1, 0)


@pytest.mark.parametrize(
    "stages",
    [
        pytest.param([("replicated", 2, 0), ("sharded", 3, 2)], id="replicated, then sharded"),
        pytest.param([("sharded", 2, 0), INLINE], id="sharded, then inline", marks=pytest.mark.breadth),
    ],
)
def test_any_number_of_processes(job: Job, expected: list[bytes], stages: list[tuple[str, int, int]]) -> None:
    """Local processes in any number, reducing among themselves or apart, train the bits of a single process.

    So they do where each has all rows of the table, where each has a part, and where one goes on from the other's
    checkpoints after an epoch.
    """
    for stage in stages:
        whole = in_state(job, *stage)
        is_last = stage is stages[-1]
        half = whole | {"export": None, "training": whole["training"] | {"epochs": 1}}
        outcome = yarnml.run(whole if is_last else half, "inline" if stage is INLINE else "local")
        state, workers, reducers = stage
        cut = f" keys in {reducers or workers} parts of " if state == "sharded" and workers > 1 else " keys, "
        assert cut in outcome.remarks[-1]
        assert "more came too rarely for a row" in outcome.remarks[-1]
        assert "rows were evicted by age" in outcome.remarks[-1]
    assert model_bits(Path(job["export"])) == expected


def test_asynchronous_alone(job: Job, expected: list[bytes]) -> None:
    """One worker alone has no stale sums: asynchronously, too, it trains the bits of a synchronous job."""
    alone = in_state(job, "sharded", 1, 0)
    outcome = yarnml.run(alone | {"training": alone["training"] | {"consistency": "asynchronous", "staleness": 0}})
    assert "were 0.00 steps stale on average, 0.00 at most" in " ".join(outcome.remarks)
    assert model_bits(Path(job["export"])) == expected


@pytest.mark.parametrize("delay", [pytest.param(0, marks=pytest.mark.breadth), 1])
def test_killed_and_continued(job: Job, alone: Callable[[], list[bytes]], delay: int, write_job: Any) -> None:
    """A job whose processes are all killed goes on from what their owners wrote, with other owners.

    These go back by the steps that they are ahead when a worker is lost, and an owner's follower takes its place; all
    go back to the newest checkpoint when both are lost.  Each time the model has the same bits.
    """
    job["training"] |= {"delay": delay, "epochs": 4}
    job["checkpoint"]["every"] = "2 steps"  # the job outlasts the kills, also where this process is late
    folder = Path(job["checkpoint"]["path"])
    with running(write_job(in_state(job, "sharded", 3, 0))) as run:
        wait_for("a checkpoint", lambda: saved_steps(folder))
        run.kill_all()
    with running(write_job(in_state(job, "sharded", 2, 2))) as run:
        lose_each_role(run, folder)
        status, out, err = run.end()
    assert status == 0, err
    assert out.count("continuing after step") == 2, "at the start, and without any owner"
    assert model_bits(Path(job["export"])) == alone()


TWO_TOWER = {"kind": "two_tower", "item": ["advertisement", "pages"], "negatives": 30, "hidden": [4], "width": 3}


@pytest.mark.parametrize(
    ("learner", "bits"), [({"kind": "sparse_linear"}, 24), (TWO_TOWER, 64)], ids=["sums of narrow keys", "two towers"]
)
def test_other_models(job: Job, learner: Job, bits: int) -> None:
    """Two owners have the bits of one process, too, where a model sees sums of weights, or other rows of a shard."""
    (step,) = job["data"]["prepare"]
    data = job["data"] | {"prepare": [step | {"bits": bits}]}
    if learner is TWO_TOWER:
        del data["label"]
    models = []
    for backend, stage in (("inline", INLINE), ("local", ("sharded", 2, 0))):
        export = f"{job['export']}-{backend}"
        own = in_state(job, *stage) | {"learner": learner, "data": data}
        yarnml.run(own | {"export": export, "checkpoint": {"path": f"{export}-job"}}, backend)
        models.append(model_bits(Path(export)))
    assert models[0] == models[1]
