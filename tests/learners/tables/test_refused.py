"""Jobs with tables that can't be: one sentence each, with the way out."""

from typing import Any

import pytest

from yarnml.data.schema import Feature, Schema
from yarnml.errors import JobFileError
from yarnml.job.learners import SparseLinear
from yarnml.job.load import load_job
from yarnml.learners.tables.sparse_linear import build

KEY = {"kind": "key", "columns": ["site"]}
TABLE = {"kind": "sparse_linear"}
ASYNCHRONOUS = {"state": "sharded", "consistency": "asynchronous"}


@pytest.mark.parametrize(
    ("steps", "fields", "sentence"),
    [
        ([KEY], {"learner": {"kind": "mlp"}}, "makes keys of column 'site'; choose sparse_linear"),
        ([], {"learner": TABLE}, "nothing makes keys; add {kind: key, columns: ...} to data.prepare"),
        ([KEY, KEY | {"columns": ["user"], "bits": 24}], {"learner": TABLE}, "give all key steps the same bits"),
        (
            [KEY],
            {"learner": TABLE | {"min_count": 2, "admission_probability": 0.5}},
            "learner.min_count and learner.admission_probability are two ways to keep rare keys out",
        ),
        ([KEY], {"learner": TABLE, "training": {"batch_size": "full"}}, "must be a number, such as 4096, not full"),
        (
            [KEY],
            {"learner": TABLE, "training": {"gradients": "bfloat16"}},
            "is for learners without a table of keys, which",
        ),
        ([], {"learner": {"kind": "tree"}, "training": {"state": "sharded"}}, "learner.kind tree has none of these"),
        (
            [],
            {"learner": {"kind": "mlp", "optimizer": {"kind": "lamb"}}, "training": {"state": "sharded"}},
            "updates each number by itself, which lamb does not: choose one of adabelief",
        ),
        ([], {"learner": {"kind": "mlp", "clip_norm": 1.0}, "training": {"state": "sharded"}}, "learner.clip_norm"),
        ([KEY], {"learner": TABLE, "reducers": {"levels": 2}, "training": {"state": "sharded"}}, "reducers.levels"),
        ([KEY], {"learner": TABLE, "training": {"consistency": "asynchronous"}}, "set training.state: sharded"),
        ([KEY], {"learner": TABLE, "training": {"staleness": 2}}, "set training.consistency: asynchronous, or remove"),
        ([KEY], {"learner": TABLE, "training": ASYNCHRONOUS | {"delay": 1}}, "training.delay is for synchronous steps"),
        ([KEY], {"learner": TABLE, "training": ASYNCHRONOUS | {"local_steps": 2}}, "training.local_steps is for"),
        ([KEY], {"learner": TABLE, "training": ASYNCHRONOUS | {"gradients": "top_k"}}, "training.gradients top_k is"),
        ([], {"learner": {"kind": "mlp"}, "training": ASYNCHRONOUS}, "learner.kind mlp has none; choose sparse_linear"),
        ([KEY], {"learner": TABLE, "checkpoint": {"full_every": 2}}, "for a table whose owners write its rows"),
        ([KEY | {"crosses": [["site", "user"]]}], {"learner": TABLE}, "crosses column 'user', which becomes no keys"),
        ([KEY | {"crosses": [["site", "site"]]}], {"learner": TABLE}, "crosses a column with itself"),
        ([KEY | {"bits": 7}], {"learner": TABLE}, "bits"),
    ],
    ids=[
        "learner",
        "no-keys",
        "bits",
        "admission",
        "full",
        "bfloat16",
        "no-parts",
        "optimizer",
        "clipping",
        "levels",
        "asynchronous-replicated",
        "synchronous-staleness",
        "asynchronous-delay",
        "asynchronous-local-steps",
        "asynchronous-top-k",
        "asynchronous-network",
        "changes",
        "cross",
        "itself",
        "few-bits",
    ],
)
def test_jobs(steps: list[dict[str, Any]], fields: dict[str, Any], sentence: str) -> None:
    """Keys and learners with tables need each other, and batches of rows."""
    data = {"train": "rows.parquet", "features": ["site", "user"], "label": "y", "prepare": steps}
    with pytest.raises(JobFileError) as refusal:
        load_job({"name": "job", "data": data, **fields})
    assert sentence.replace("...", "[...]") in str(refusal.value)


@pytest.mark.parametrize(
    ("loss", "classes", "sentence"),
    [
        ("logistic", (), "learner.loss logistic needs a class label"),
        ("poisson", (0, 1), "learner.loss poisson needs a number to predict"),
        ("auto", (1, 2, 3), "tells two classes apart, but 'y' has 3"),
    ],
)
def test_labels(loss: Any, classes: tuple[int, ...], sentence: str) -> None:
    """A label that a loss can't be of is refused."""
    schema = Schema((Feature("x", 1),), "y", "class" if classes else "number", classes)
    with pytest.raises(JobFileError, match=sentence):
        build(SparseLinear(loss=loss), schema)
