"""Fields that are set on the command line."""

import pytest

from tests.job.documents import document, refusal
from yarnml.job.load import load_job


def test_overrides() -> None:
    """--set reaches any field, also in sections and options that the file does not have, and the last one holds."""
    given = document(learner={"kind": "mlp", "optimizer": {"kind": "sgd", "learning_rate": 0.5}})
    job = load_job(
        given,
        (
            "workers.count=1",
            "workers.count=3",
            "training.early_stopping.patience=7",
            "data.features=[a, b]",
            "data.test=t.csv",
            "data.validation=0.25",
            "learner.optimizer.learning_rate=1e-3",
            "export=",
        ),
    )
    assert job.workers.count == 3
    assert job.training.early_stopping is not None
    assert job.training.early_stopping.patience == 7
    assert job.data.features == ["a", "b"]
    assert job.data.validation == 0.25
    assert job.learner.optimizer == {"kind": "sgd", "learning_rate": 0.001}
    assert job.export is None


def test_overrides_leave_the_source_alone() -> None:
    """A mapping that is loaded with overrides stays as it was."""
    given = document(workers={"count": 1})
    load_job(given, ("workers.count=3", "data.label=z"))
    assert given == document(workers={"count": 1})


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("workers.count", "--set needs field=value, such as workers.count=3, but got 'workers.count'"),
        ("=3", "--set needs field=value"),
        ("workers..count=3", "--set needs field=value"),
        ("workers.count=[1", "--set workers.count: the value is not valid YAML"),
        ("data.train.x=1", "--set data.train.x: train holds str 'rows.csv', so nothing can be set inside it"),
        ("workers.cuont=1", "workers has an unknown key 'cuont'; did you mean 'count'?"),
        ("workers.count=many", "workers.count must be a whole number, not str 'many'"),
    ],
)
def test_bad_overrides(override: str, words: str) -> None:
    """A --set that can't be used says which one and why, in the words of the job file."""
    assert words in refusal(document(), override)
