"""The length of a training by gradient descent, where the job file leaves it open."""

import pytest

from yarnml.job.length import EPOCHS_OF_KEYS, usual_batch, usual_epochs, with_length
from yarnml.job.load import load_job

DATA = {"train": "data.csv", "features": ["x"], "label": "y"}


@pytest.mark.parametrize(
    ("rows", "batch", "epochs"),
    [(1, 32, 100), (150, 32, 100), (1_000, 64, 100), (1_500, 128, 100), (20_000, 256, 26), (10**6, 256, 10)],
)
def test_few_rows_make_many_steps(rows: int, batch: int, epochs: int) -> None:
    """Small data have small batches and many epochs, large ones the fewest that there are."""
    assert (usual_batch(rows), usual_epochs(rows, usual_batch(rows))) == (batch, epochs)


def test_what_a_job_gives_stays() -> None:
    """A batch size that is given decides the epochs, and epochs that are given stay."""
    job = {"name": "job", "data": DATA, "learner": {"kind": "mlp"}}
    whole = with_length(load_job(job | {"training": {"batch_size": "full"}}), 10**6).training
    assert (whole.batch_size, whole.epochs) == ("full", 100)
    short = with_length(load_job(job | {"training": {"epochs": 3}}), 10**6).training
    assert (short.batch_size, short.epochs) == (256, 3)


def test_tables_are_trained_for_few_epochs() -> None:
    """A learner with a row for every key does not see the same few rows as often as a network does."""
    data = DATA | {"prepare": [{"kind": "key", "columns": ["x"]}]}
    job = load_job({"name": "job", "data": data, "learner": {"kind": "wide_and_deep"}})
    assert with_length(job, 1_000).training.epochs == EPOCHS_OF_KEYS
