"""Changes of a job file that a job may continue with, and others that it may not: each refusal names the field."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

import yarnml
from yarnml import storage
from yarnml.checkpoint.fingerprint import check_same_job
from yarnml.errors import CheckpointError, DataError, JobFileError
from yarnml.job.load import load_job
from yarnml.job.spec import Export
from yarnml.model.export import begin

pytestmark = pytest.mark.long

Job = dict[str, Any]


@pytest.fixture
def job(write_table: Callable[..., Path], tmp_path: Path) -> Job:
    """Regression on two columns, trained for one epoch already."""
    x = np.random.default_rng(0).normal(size=(100, 2)).astype(np.float32)
    columns = {"a": x[:, 0], "b": x[:, 1], "y": x.sum(1), "z": x[:, 0] - x[:, 1], "w": np.ones(100, np.float32)}
    path = write_table("train.parquet", **columns)
    (tmp_path / "my_model.py").write_text(MODEL)
    job = {
        "name": "small",
        "data": {"train": str(path), "features": ["a", "b"], "label": "y"},
        "learner": {"path": str(tmp_path / "my_model.py")},
        "training": {"epochs": 1, "batch_size": 20},
        "checkpoint": {"path": str(tmp_path / "job")},
        "export": str(tmp_path / "models"),
    }
    yarnml.run(job, "inline")
    return job


MODEL = """
import jax.numpy as jnp
def init(key, schema): return {"w": jnp.zeros(schema.width)}
def predict(p, x): return x @ p["w"]
def loss(p, x, y): return jnp.square(predict(p, x) - y)
"""


@pytest.mark.parametrize(
    ("section", "field", "value"),
    [
        ("data", "label", "z"),
        ("data", "features", ["b", "a"]),
        ("data", "weight", "w"),
        ("data", "shape", [2, 1]),
        ("data", "scale", "standard"),
        ("training", "seed", 7),
        ("training", "batch_size", 25),
        ("training", "shuffle_rows", 10),
        ("training", "shards", 5),
        ("learner", "l2", 0.5),
        ("workers", "vcores", 2),
    ],
)
def test_what_decides_the_bits_may_not_change(job: Job, section: str, field: str, value: Any) -> None:
    """A field that decides the model's bits is refused by the name it has in the job file."""
    job["training"]["epochs"] = 2
    job[section] = job.get(section, {}) | {field: value}
    with pytest.raises(CheckpointError, match=rf"{section}\.{field} \("):
        yarnml.run(job, "inline")


def test_a_field_newer_than_a_checkpoint_had_its_default() -> None:
    """An identity without a field of the learner is that of a job that leaves it out, and of no other."""
    data = {"train": "t.csv", "features": ["a"], "label": "y"}
    job = load_job({"name": "old", "data": data, "learner": {"kind": "boosting"}})
    now = {f"learner.{name}": value for name, value in msgspec.to_builtins(job.learner, str_keys=True).items()}
    before = {name: value for name, value in now.items() if name != "learner.splits"}
    check_same_job(job, before, now, 1, "checkpoint")
    with pytest.raises(CheckpointError, match=r"learner\.splits \(best → random\)"):
        check_same_job(job, before, now | {"learner.splits": "random"}, 1, "checkpoint")


def test_changed_code_is_seen(job: Job, tmp_path: Path) -> None:
    """A custom model whose file was edited is not continued; one that only moved is."""
    job["training"]["epochs"] = 2
    moved = tmp_path / "elsewhere" / "my_model.py"
    moved.parent.mkdir()
    moved.write_text(MODEL)
    job["learner"]["path"] = str(moved)
    assert yarnml.run(job, "inline").epochs == 2
    moved.write_text(MODEL + "\n# edited\n")
    job["training"]["epochs"] = 3
    with pytest.raises(CheckpointError, match=r"the code in learner\.path"):
        yarnml.run(job, "inline")


def test_changed_rows_are_seen(job: Job, write_table: Callable[..., Path]) -> None:
    """Training data with other rows is another job."""
    x = np.ones((100, 2), np.float32)
    write_table("train.parquet", a=x[:, 0], b=x[:, 1], y=x.sum(1), z=x[:, 0], w=x[:, 0])
    with pytest.raises(CheckpointError, match=r"the rows of data\.train"):
        yarnml.run(job, "inline")


def test_what_does_not_decide_the_bits_may_change(job: Job) -> None:
    """More epochs, other workers, another period of checkpoints: the job goes on."""
    job |= {"workers": {"count": 3, "cache": "1 MiB"}, "checkpoint": job["checkpoint"] | {"every": "2 steps"}}
    job["training"]["epochs"] = 2
    assert yarnml.run(job, "inline").step == 10


def test_a_finished_job_exports_where_its_model_is_missing(job: Job, tmp_path: Path) -> None:
    """Finished is finished only while the model stands where the job file wants it."""
    assert yarnml.run(job, "inline").already
    other = yarnml.run(job | {"export": str(tmp_path / "other")}, "inline")
    assert not other.already
    assert other.export == str(tmp_path / "other" / "1")
    models = [Path(job["export"]) / "1", tmp_path / "other" / "1"]
    assert len({(m / "model.safetensors").read_bytes() for m in models}) == 1


def test_a_half_written_model_of_its_own_is_removed(job: Job) -> None:
    """A folder that a run left when it died while it exported goes with the next run; what others write there stays."""
    to = Export(path=job["export"])
    own = begin(to, job["name"], job["checkpoint"]["path"])
    foreign = begin(to, job["name"], "elsewhere")
    for folder in (own, foreign):
        storage.write(f"{folder}/model.safetensors", b"half")
    for version in (Path(job["export"]) / "1").iterdir():
        version.unlink()
    (Path(job["export"]) / "1").rmdir()
    assert yarnml.run(job, "inline").export == f"{job['export']}/1"
    assert sorted(p.name for p in Path(job["export"]).iterdir()) == sorted([Path(foreign).name, "1"])


def test_the_best_epoch_is_kept_to_the_end(digits_job: Job) -> None:
    """With restore_best the exported model is the best epoch's, also when the epochs run out before the patience."""
    digits_job["data"]["validation"] = 0.2
    digits_job["learner"]["optimizer"] = {"kind": "adam", "learning_rate": 0.1}
    rule = {"metric": "loss", "patience": 50}
    digits_job["training"] = {"epochs": 12, "batch_size": 64, "early_stopping": rule}
    outcome = yarnml.run(digits_job, "inline")
    assert not outcome.stopped_early
    rule["restore_best"] = False
    digits_job["checkpoint"]["path"] += "-newest"
    newest = yarnml.run(digits_job, "inline")
    assert outcome.metrics["validation"]["loss"] < newest.metrics["validation"]["loss"]


def test_weights_that_are_all_zero_teach_nothing(job: Job, write_table: Callable[..., Path]) -> None:
    """An epoch whose rows all weigh nothing is refused, instead of exporting a model that saw nothing."""
    path = write_table("zero.parquet", a=[1.0] * 9, b=[2.0] * 9, y=[3.0] * 9, w=[0.0] * 9)
    job["data"] |= {"train": str(path), "weight": "w"}
    with pytest.raises(DataError, match="weights of all rows"):
        yarnml.run(job, "inline", restart=True)


def test_a_step_of_zero_weight_is_no_harm(job: Job, write_table: Callable[..., Path]) -> None:
    """A step, even a whole round, whose rows all weigh nothing changes nothing and stops nothing."""
    columns = {"a": [1.0] * 8, "b": [2.0] * 8, "y": [3.0] * 8, "w": [0.0] * 7 + [1.0]}
    job["data"] |= {"train": str(write_table("some.parquet", **columns)), "weight": "w"}
    job["training"] |= {"batch_size": 2, "epochs": 2}
    job["checkpoint"]["every"] = "1 step"
    assert yarnml.run(job, "inline", restart=True).step == 8


def test_memory_is_not_shared_between_processes(job: Job) -> None:
    """A memory:// path with processes of their own is refused at once, by field."""
    with pytest.raises(JobFileError, match=r"export: memory://"):
        yarnml.run(job | {"export": "memory://models"}, "local", restart=True)


def test_workers_end_in_order(digits_job: Job) -> None:
    """After a job that went well the logs of its processes hold no complaint."""
    yarnml.run(digits_job | {"workers": {"count": 2}, "reducers": {"count": 1}})
    logs = sorted((Path(digits_job["checkpoint"]["path"]) / "logs").iterdir())
    assert [log.name for log in logs] == ["reducer-0.log", "worker-0.log", "worker-1.log"]
    assert [log.read_text() for log in logs] == ["", "", ""]


def test_a_job_folder_given_as_a_url(digits_job: Job, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """file:// URLs are the same folders, and nothing else appears."""
    monkeypatch.chdir(tmp_path)
    digits_job["checkpoint"]["path"] = f"file://{tmp_path}/job"
    digits_job["export"] = f"file://{tmp_path}/models"
    outcome = yarnml.run(digits_job)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["job", "models"]
    assert yarnml.load_model(str(outcome.export)).about["name"] == "digits"
