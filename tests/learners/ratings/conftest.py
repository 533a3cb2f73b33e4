"""Jobs on ratings, as the tests of this folder train them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import yarnml
from tests.learners.ratings.grey_values import Array, Job, Train
from yarnml.model.model import Model


@pytest.fixture
def ratings_job(tmp_path: Path, write_table: Callable[..., Path]) -> Callable[..., Job]:
    """A job on ratings, which are given as columns."""

    def job(columns: dict[str, Array], learner: Job, **training: Any) -> Job:
        path = str(write_table("ratings.parquet", **columns, row_group_size=2000))
        data = {"train": path, "test": path, "features": ["user", "item"], "label": "rating", "label_type": "number"}
        return {
            "name": "ratings",
            "data": data,
            "learner": learner,
            "training": {"shards": 3, **training},
            "checkpoint": {"path": str(tmp_path / "job"), "every": "100 epochs"},
            "export": str(tmp_path / "models"),
        }

    return job


@pytest.fixture
def train(ratings_job: Callable[..., Job]) -> Train:
    """Trains on ratings inline; returns the exported model."""

    def run(columns: dict[str, Array], learner: Job, **training: Any) -> Model:
        job = ratings_job(columns, learner, **training)
        return yarnml.load_model(str(yarnml.run(job, backend="inline", restart=True).export))

    return run
