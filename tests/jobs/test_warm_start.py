"""``start_from``: a training goes on from a model or a checkpoint, with the same bits on any number of workers."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import safetensors.numpy
from sklearn.datasets import load_wine

import yarnml
from tests.jobs.conftest import model_bits
from tests.tiers import cases
from yarnml.errors import YarnmlError
from yarnml.events.events import Event, WarmStarted
from yarnml.model import registry

pytestmark = pytest.mark.long

Job = dict[str, Any]

BOOSTING = {"kind": "boosting", "depth": 2, "bins": 16}


@pytest.fixture
def job(cancer: Path, tmp_path: Path) -> Job:
    """A job on the rows of cancer."""
    rows = cancer / "rows.parquet"
    features = [name for name in pq.read_schema(rows).names if name not in ("target", "id")]
    return {
        "name": "next",
        "data": {"train": str(rows), "features": features, "label": "target"},
        "training": {"shards": 3},
        "checkpoint": {"path": str(tmp_path / "job")},
        "export": str(tmp_path / "models"),
    }


def trained(job: Job, name: str, learner: Job, backend: str = "inline", **changes: Any) -> tuple[Job, list[Event]]:
    """Train a job in folders of its own; returns it with the events."""
    folder = Path(job["export"]).parent / name
    events: list[Event] = []
    whole = job | {"learner": learner, "checkpoint": {"path": str(folder)}, "export": f"{folder}-models"} | changes
    yarnml.run(whole, backend, say=events.append)
    return whole, events


def content_of(events: list[Event]) -> list[str]:
    return [event.content for event in events if isinstance(event, WarmStarted)]


def arrays(job: Job) -> dict[str, Any]:
    return safetensors.numpy.load_file(Path(job["export"]) / "1" / "model.safetensors")


def test_trees_go_on_boosting(job: Job) -> None:
    """Two rounds and then two more are the very trees of four at once: from a model, and by two processes."""
    first, _ = trained(job, "two", BOOSTING | {"trees": 2})
    at_once, _ = trained(job, "four", BOOSTING | {"trees": 4})
    more, events = trained(job, "model", BOOSTING | {"trees": 4}, start_from=first["export"])
    assert content_of(events) == ["2 rounds of trees"]
    assert model_bits(more) == model_bits(at_once)
    start = first["checkpoint"]["path"]
    more, events = trained(job, "state", BOOSTING | {"trees": 4}, "local", start_from=start, workers={"count": 2})
    assert content_of(events) == ["2 rounds of trees"]
    assert model_bits(more) == model_bits(at_once)


def test_a_network_goes_on_from_a_model_an_alias_and_a_checkpoint(job: Job) -> None:
    """A network keeps what it knows; a checkpoint brings the optimizer's state unless that is another one's."""
    mlp = {"kind": "mlp", "hidden": [8]}
    job["training"] |= {"epochs": 1, "batch_size": 64}
    first, _ = trained(job, "first", mlp | {"optimizer": {"learning_rate": 0.01}})
    registry.promote(first["export"], "1", "production")
    still = mlp | {"optimizer": {"learning_rate": 1e-12}}
    from_model, events = trained(job, "model", still, start_from=f"{first['export']}@production")
    assert content_of(events) == ["parameters"]
    for name, array in arrays(first).items():
        np.testing.assert_allclose(arrays(from_model)[name], array, atol=1e-9)
    about = yarnml.load_model(from_model["export"]).about
    assert about["parent"]["folder"] == f"{first['export']}/1"
    assert about["parent"]["digest"] == yarnml.load_model(first["export"]).digest
    _, events = trained(job, "state", still, start_from=first["checkpoint"]["path"])
    assert content_of(events) == ["parameters and the optimizer's state"]
    _, events = trained(
        job, "other", mlp | {"optimizer": {"kind": "sgd", "learning_rate": 0.1}}, start_from=first["checkpoint"]["path"]
    )
    assert content_of(events) == ["parameters"]


def test_a_network_of_ids_goes_on(job: Job) -> None:
    """Its scaling leaves ids as they are, which is not to be taken for a model without scaling."""
    job["data"] |= {"features": ["id"], "prepare": [{"kind": "embedding", "columns": ["id"]}]}
    job["training"] |= {"epochs": 1}
    mlp = {"kind": "mlp", "hidden": [4]}
    first, _ = trained(job, "first", mlp)
    _, events = trained(job, "more", mlp, start_from=first["export"])
    assert content_of(events) == ["parameters"]


def test_a_job_that_continues_needs_its_start_no_more(job: Job) -> None:
    """A checkpoint holds what it began with: the job goes on, and names its parent, after that was deleted."""
    mlp = {"kind": "mlp", "hidden": [8]}
    first, _ = trained(job, "first", mlp, training={"epochs": 1})
    parent = yarnml.load_model(first["export"]).digest
    start = {"start_from": first["export"]}
    trained(job, "next", mlp, **start, training={"epochs": 1})
    registry.delete(first["export"], [1])
    more, events = trained(job, "next", mlp, **start, training={"epochs": 2})
    assert content_of(events) == []
    assert yarnml.load_model(more["export"]).about["parent"]["digest"] == parent


def test_solvers_begin_at_the_coefficients(job: Job, cancer: Path) -> None:
    """Newton's method that begins at its own solution on the same rows has nothing to do but to find that out."""
    again, _ = trained(job, "again", {"kind": "logistic"}, start_from=str(cancer / "models"))
    before = yarnml.load_model(cancer / "models")
    after = yarnml.load_model(again["export"])
    assert after.about["steps"] < before.about["steps"] / 2
    np.testing.assert_allclose(
        after.coefficients()["coefficient"].to_numpy(), before.coefficients()["coefficient"].to_numpy(), rtol=1e-4
    )


LEARNERS = {"softmax": {"kind": "softmax"}, "mlp": {"kind": "mlp", "hidden": [8]}}


@pytest.mark.parametrize("kind", cases(LEARNERS, ["mlp"]))
def test_new_columns_and_classes(tmp_path: Path, job: Job, kind: str) -> None:
    """A model goes on with columns and a class that it did not have: at first it predicts as it did."""
    learner = LEARNERS[kind]
    wine = load_wine(as_frame=True).frame
    few = [*wine.columns[:5]]
    more = [*few[::-1], "proline", "hue"]
    wine[wine["target"] < 2].to_parquet(tmp_path / "two.parquet")
    wine.to_parquet(tmp_path / "three.parquet")
    data = {"train": str(tmp_path / "two.parquet"), "features": few, "label": "target", "scale": "standard"}
    first, _ = trained(job, "first", learner, data=data, training={"epochs": 30})
    start = {"start_from": first["export"]}
    data["features"] = more
    still = learner | {"optimizer": {"kind": "sgd", "learning_rate": 1e-12}}
    same, events = trained(job, "still", still, data=data, training={"epochs": 1}, **start)
    assert content_of(events) == ["parameters"]
    before, after = (yarnml.load_model(trained_job["export"]).outputs(wine) for trained_job in (first, same))
    np.testing.assert_allclose(after, before, atol=1e-5)
    data |= {"train": str(tmp_path / "three.parquet"), "classes": [0, 1, 2]}
    following, _ = trained(job, "next", learner, data=data, training={"epochs": 30}, **start)
    model = yarnml.load_model(following["export"])
    assert model.schema.classes == (0, 1, 2)
    assert model.score(wine) > 0.8


@pytest.mark.parametrize("kind", cases(["kmeans", "gaussian_mixture"], ["kmeans"]))
def test_clusters_go_on(job: Job, kind: str) -> None:
    """Clusters go on from where they were, by a model and by a checkpoint, and refine what is not settled yet."""
    learner = {"kind": kind, "clusters": 4}
    rows = {**job["data"], "label": None, "scale": "standard"}
    first, _ = trained(job, "first", learner, data=rows, training={"epochs": 6})
    whole, _ = trained(job, "whole", learner, data=rows, training={"epochs": 10})
    more, events = trained(
        job, "more", learner, data=rows, training={"epochs": 4}, start_from=first["checkpoint"]["path"]
    )
    assert content_of(events) == ["parameters"]
    assert model_bits(more) == model_bits(whole)
    near, _ = trained(job, "near", learner, data=rows, training={"epochs": 4}, start_from=first["export"])
    for name, array in arrays(whole).items():
        np.testing.assert_allclose(arrays(near)[name], array, rtol=1e-3, atol=1e-4)
    with pytest.raises(YarnmlError, match=r"has learner\.clusters 4, not 5; give it so"):
        trained(job, "other", learner | {"clusters": 5}, data=rows, start_from=first["export"])


def test_groups_of_parameters(job: Job) -> None:
    """Frozen groups stay to the bit; factors slow others down; a group without parameters is refused with all names."""
    mlp = {"kind": "mlp", "hidden": [8], "clip_norm": 1.0, "optimizer": {"kind": "sgd", "learning_rate": 0.1}}
    job["training"] |= {"epochs": 1, "batch_size": "full"}
    first, _ = trained(job, "first", mlp)
    start = {"start_from": first["export"]}
    frozen, _ = trained(job, "frozen", mlp | {"freeze": ["0"]}, **start)
    slow, _ = trained(job, "slow", mlp | {"freeze": ["0"], "rate_factors": {"*/bias": 0.5}}, **start)
    before = arrays(first)
    after = arrays(frozen)
    slower = arrays(slow)
    for name in ("parameters/0/weight", "parameters/0/bias"):
        assert after[name].tobytes() == before[name].tobytes()
    step = after["parameters/1/bias"] - before["parameters/1/bias"]
    assert np.abs(step).min() > 0
    np.testing.assert_allclose(slower["parameters/1/bias"] - before["parameters/1/bias"], 0.5 * step, rtol=1e-3)
    assert slower["parameters/1/weight"].tobytes() == after["parameters/1/weight"].tobytes()
    with pytest.raises(YarnmlError, match=r"learner.freeze: '2' is none of the parameters \(0/bias, 0/weight, 1/bias"):
        trained(job, "none", mlp | {"freeze": ["2"]})


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"learner": {"kind": "softmax"}}, "is of learner.kind logistic, so softmax can't begin with it"),
        ({"learner": {"kind": "tree"}}, "learner.kind tree finds its model anew in any case; remove start_from."),
        ({"search": {"folds": 2}}, "start_from is for one training, and search makes several"),
        (
            {"data": {"features": ["mean radius", "id"]}},
            "the earlier model also needs 'mean texture', 'mean perimeter'",
        ),
        ({"data": {"classes": [0, 1, 2]}}, "data.classes has 2, which the earlier model does not know"),
        ({"learner": {"kind": "logistic", "optimizer": {}}}, "and this job does not; set data.scale: standard."),
        ({"start_from": "/nowhere"}, "There is no model at /nowhere"),
    ],
    ids=str,
)
def test_what_is_refused(job: Job, cancer: Path, changes: Job, sentence: str) -> None:
    """A start that does not go together with the job ends in one sentence that names what differs."""
    whole = job | {"learner": {"kind": "logistic"}, "start_from": str(cancer / "models")} | changes
    whole["data"] = job["data"] | changes.get("data", {})
    with pytest.raises(YarnmlError) as caught:
        yarnml.run(whole, "inline")
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert not [*Path(job["export"]).glob("[0-9]*")]
