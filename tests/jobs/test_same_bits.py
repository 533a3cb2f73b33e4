"""The law that sets yarnml apart: the same model, bit for bit, on any number of processes, whatever was killed."""

import hashlib
import random
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import yarnml
from tests.conftest import MakeOnce
from tests.processes import running, saved_steps, wait_for

pytestmark = pytest.mark.long

Job = dict[str, Any]

SHARDS = 5


def model_digest(job: Job, version: int = 1) -> str:
    data = (Path(job["export"]) / str(version) / "model.safetensors").read_bytes()
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def job(digits_job: Job) -> Job:
    """Steps of several chunks, an odd number of shards, dropout: enough for any difference to show."""
    return digits_job | {
        "learner": digits_job["learner"] | {"hidden": [520, 480], "dropout": 0.1},
        "training": {"epochs": 2, "batch_size": 128, "shards": SHARDS},
        "checkpoint": digits_job["checkpoint"] | {"every": "3 steps", "keep": 2},
    }


@pytest.fixture(scope="session")
def reference(made_once: MakeOnce, digits: Path) -> Callable[[Job], str]:
    """The digest of the model that one process trains for a job; each job is trained once a session."""

    def train(job: Job, folder: Path) -> None:
        yarnml.run(job | {"checkpoint": {"path": str(folder / "job")}, "export": str(folder / "models")}, "inline")

    def digest(job: Job) -> str:
        parts = {name: job[name] for name in ("data", "learner", "training")}
        name = hashlib.sha256(repr(parts).encode()).hexdigest()
        return model_digest({"export": made_once(f"reference-{name}", partial(train, job)) / "models"})

    return digest


@pytest.mark.parametrize(
    ("workers", "reducers"), [(3, 0), pytest.param(1, 3, marks=pytest.mark.breadth)], ids=lambda n: str(n)
)
def test_any_number_of_processes(job: Job, reference: Callable[[Job], str], workers: int, reducers: int) -> None:
    """Local processes in any number, reducing among themselves or apart, train the bits of a single process."""
    expected = reference(job)
    outcome = yarnml.run(job | {"workers": {"count": workers}, "reducers": {"count": reducers}})
    assert model_digest(job) == expected
    assert outcome.step == 24


@pytest.mark.breadth
def test_two_levels(job: Job, reference: Callable[[Job], str], write_job: Any) -> None:
    """Groups of workers that add up first train the same bits, also when one is killed with its shards' residuals."""
    job["learner"]["hidden"] = [64]
    job["training"] |= {"epochs": 6, "delay": 1, "gradients": "top_k", "top_k": {"share": 0.02, "warmup_steps": 5}}
    path = write_job(job | {"workers": {"count": 4}, "reducers": {"levels": 2}})
    with running(path) as run:
        wait_for("a checkpoint", lambda: saved_steps(Path(job["checkpoint"]["path"])))
        run.children()[1].kill()
        status, out, err = run.end()
    assert status == 0, err
    assert "lost: worker 1 was ended by signal 9" in out
    assert "continuing after step" in out
    assert model_digest(job) == reference(job)


@pytest.mark.breadth
def test_full_passes(job: Job, reference: Callable[[Job], str]) -> None:
    """Training by full passes over the data, one update each, has the same law."""
    job["training"] |= {"batch_size": "full", "epochs": 3}
    expected = reference(job)
    yarnml.run(job | {"workers": {"count": 3}})
    assert model_digest(job) == expected


@pytest.mark.parametrize(
    "learner",
    [
        pytest.param({"kind": "poisson", "solver": "newton", "l2": 0.1}, id="newton"),
        pytest.param({"kind": "softmax", "solver": "fista", "l1": 0.01}, id="fista", marks=pytest.mark.breadth),
    ],
)
def test_solvers(job: Job, reference: Callable[[Job], str], learner: Job) -> None:
    """Solvers, whose trial points hang on every bit of the sums before, have the same law."""
    job["learner"] = learner
    job["training"] |= {"batch_size": "full", "epochs": 4}
    expected = reference(job)
    yarnml.run(job | {"workers": {"count": 2}})
    assert model_digest(job) == expected


@pytest.mark.parametrize(
    "learner",
    [{"kind": "kmeans", "clusters": 10}, pytest.param({"kind": "pca", "components": 8}, marks=pytest.mark.breadth)],
    ids=lambda learner: learner["kind"],
)
def test_without_a_label(job: Job, reference: Callable[[Job], str], learner: Job) -> None:
    """Clusters, of which the start is drawn from the rows, and components have the same law."""
    job["data"].pop("label")
    job |= {"learner": learner, "training": {"epochs": 6, "shards": SHARDS}, "workers": {"count": 2}}
    expected = reference(job)
    yarnml.run(job)
    assert model_digest(job) == expected


@pytest.mark.breadth
def test_normalised_networks(job: Job, reference: Callable[[Job], str]) -> None:
    """Batch normalisation, bfloat16 and micro-batches that do not divide a part of a step have the same law."""
    learner = {"kind": "mlp", "hidden": [64, 32], "normalization": "batch", "precision": "bfloat16", "dropout": 0.1}
    job["training"] |= {"micro_batch_size": 7}
    job |= {"learner": learner, "workers": {"count": 2}}
    expected = reference(job)
    yarnml.run(job)
    assert model_digest(job) == expected


@pytest.mark.breadth
def test_rounded_gradients(job: Job, reference: Callable[[Job], str]) -> None:
    """Gradients in bfloat16, of several chunks, beside statistics in float32 have the same law."""
    job["learner"] |= {"normalization": "batch"}
    job["training"] |= {"gradients": "bfloat16"}
    expected = reference(job)
    yarnml.run(job | {"workers": {"count": 2}, "reducers": {"count": 2}})
    assert model_digest(job) == expected


def test_local_steps(job: Job, reference: Callable[[Job], str]) -> None:
    """Local steps have the same law with all that goes beside them, also where another number of workers continues."""
    job["learner"] |= {"normalization": "batch", "hidden": [64]}
    outer = {"kind": "sgd", "learning_rate": 0.7, "momentum": 0.5, "nesterov": True}
    job["training"] |= {"local_steps": 3, "outer": outer, "gradients": "int4", "micro_batch_size": 7}
    expected = reference(job)
    yarnml.run(job | {"training": job["training"] | {"epochs": 1}, "workers": {"count": 3}, "export": None})
    outcome = yarnml.run(job | {"workers": {"count": 2}, "reducers": {"count": 1}})
    assert model_digest(job) == expected
    assert outcome.step == 8


def test_delay(job: Job, reference: Callable[[Job], str]) -> None:
    """Sums of earlier states, in int8, have the same law, also where another process continues from within an epoch."""
    job["learner"] |= {"hidden": [64]}
    job["training"] |= {"delay": 2, "gradients": "int8"}
    job["checkpoint"] |= {"keep": 20}
    folder = Path(job["checkpoint"]["path"])
    yarnml.run(job | {"workers": {"count": 2}, "reducers": {"count": 1}})
    assert model_digest(job) == reference(job)
    for later in saved_steps(folder)[2:]:
        shutil.rmtree(folder / "checkpoints" / f"step-{later:012}")
    (folder / "outcome.json").unlink()
    yarnml.run(job, "inline")
    assert model_digest(job, 2) == reference(job)


def test_trees(job: Job, reference: Callable[[Job], str]) -> None:
    """Boosted trees have the same law, whether all shards are held or there is room for one of each worker's two."""
    job["data"]["scale"] = "none"
    learner = {"kind": "boosting", "trees": 3, "depth": 2, "bins": 16, "subsample": 0.8, "features": 0.5}
    job |= {"learner": learner, "training": {"shards": SHARDS}, "workers": {"count": 3, "cache": "2 MiB"}}
    expected = reference(job)
    yarnml.run(job)
    assert model_digest(job) == expected


def test_killed_and_continued(job: Job, reference: Callable[[Job], str], write_job: Any) -> None:
    """A job whose processes are all killed, several times at random moments, ends with the undisturbed bits."""
    job["training"] |= {"epochs": 6}
    moments = random.Random(0)
    folder = Path(job["checkpoint"]["path"])
    path = write_job(job)
    killed = 0
    for workers in (2, 3):
        with running(path, "--set", f"workers.count={workers}") as run:
            before = saved_steps(folder)[-1:]
            wait_for("a new checkpoint", lambda old=before, run=run: saved_steps(folder)[-1:] != old or run.ended)
            time.sleep(moments.uniform(0.0, 0.1))
            if not run.ended:
                run.kill_all()
                killed += 1
    with running(path, "--backend", "inline") as run:
        status, out, err = run.end()
    assert status == 0, err
    assert killed
    assert "continuing after step" in out or "had finished before" in out
    assert model_digest(job) == reference(job)


@pytest.mark.breadth
def test_stopped_by_hand_and_continued(job: Job, reference: Callable[[Job], str], write_job: Any) -> None:
    """Ctrl-C ends all processes with status 130; the job goes on after the newest checkpoint, also in one process."""
    job["training"] |= {"epochs": 6}
    path = write_job(job)
    folder = Path(job["checkpoint"]["path"])
    with running(path) as run:
        wait_for("a checkpoint", lambda: saved_steps(folder))
        children = run.children()
        run.popen.send_signal(2)
        status, _, err = run.end()
    assert status == 130
    assert "is kept" in err
    assert "same command" in err
    assert not any(child.is_running() for child in children)
    assert not list(folder.glob("checkpoints/.tmp-*"))
    with running(path, "--backend", "inline") as run:
        status, out, err = run.end()
    assert status == 0, err
    assert "continuing after step" in out
    assert model_digest(job) == reference(job)


def test_a_changed_job_is_not_continued(job: Job, write_job: Any) -> None:
    """A checkpoint of another learner, seed or cut is refused, each change by name, and kept."""
    yarnml.run(job, "inline")
    kept = saved_steps(Path(job["checkpoint"]["path"]))
    changes = ["training.seed=1", "learner.hidden=[8]", "training.shards=2", "training.batch_size=64"]
    changes += ["training.gradients=bfloat16"]
    options = [x for change in changes for x in ("--set", change)]
    with running(write_job(job), "--set", "training.epochs=3", "--backend", "inline", *options) as run:
        status, _, err = run.end()
    assert status == 1
    for name in ("learner.hidden", "seed (0 → 1)", "shards (5 → 2)", "batch_size (128 → 64)", "(float32 → bfloat16)"):
        assert name in err
    assert saved_steps(Path(job["checkpoint"]["path"])) == kept


def test_more_epochs_continue_a_finished_job(job: Job) -> None:
    """A finished job does nothing; with more epochs it goes on, to the bits of a job that had them from the start."""
    yarnml.run(job, "inline")
    assert yarnml.run(job, "inline").already
    job["training"] |= {"epochs": 3}
    outcome = yarnml.run(job, "inline")
    assert not outcome.already
    assert outcome.epochs == 3
    anew = yarnml.run(job, "inline", restart=True)
    assert anew.export == str(Path(job["export"]) / "3")
    assert model_digest(job, 2) == model_digest(job, 3)
