"""Offsets of boosting: the trees are those of the rest of the label, or of a rate by its exposure."""

from typing import Any

import numpy as np
import pytest
from msgspec.structs import replace

import yarnml
from tests.learners.kinds import schema
from tests.learners.trees.growing import Array, grown, halves, predicted
from yarnml.data.schema import Offset
from yarnml.errors import JobFileError
from yarnml.job.learners import Boosting
from yarnml.learners.registry import build_learner

WITH_OFFSET = replace(schema(2, ()), offset=Offset("known"))


@pytest.fixture(scope="module")
def diabetes() -> tuple[Array, Array, Array]:
    """Two features of 150 people with few values each, the label, and what is known of it."""
    x, y, _, _ = halves("diabetes")
    few = np.round(x[:150, [2, 8]], 2)
    return few, y[:150].astype(np.float32), np.round(1000 * x[:150, 3]).astype(np.float32)


@pytest.mark.long
@pytest.mark.parametrize("objective", [pytest.param("auto", marks=pytest.mark.breadth), "absolute"])
def test_an_offset_is_taken_from_the_label(diabetes: tuple[Array, Array, Array], objective: str) -> None:
    """With numbers as scores, the model is the offset and that of the label less the offset."""
    x, y, known = diabetes
    options = Boosting(trees=4, depth=2, objective=objective, learning_rate=0.5)  # type: ignore[arg-type]
    both = np.column_stack([x, known])
    ours = predicted(*grown(options, WITH_OFFSET, both, y), both)
    np.testing.assert_allclose(ours, known + predicted(*grown(options, schema(2, ()), x, y - known), x), rtol=1e-4)


@pytest.mark.long
def test_an_exposure_is_a_weighted_rate(diabetes: tuple[Array, Array, Array]) -> None:
    """Counts with an exposure have the trees of their rates, weighted by it: the Poisson likelihood is the same."""
    x, y, _ = diabetes
    exposure = np.random.default_rng(0).integers(1, 5, len(y)).astype(np.float32)
    options: dict[str, Any] = {"kind": "boosting", "objective": "poisson", "trees": 4, "depth": 2, "learning_rate": 0.5}
    table: dict[str, Any] = {"bmi": x[:, 0], "s5": x[:, 1], "count": y, "rate": y / exposure, "years": exposure}
    more: dict[str, Any] = {"features": ["bmi", "s5"], "learner": options, "training": {"shards": 3}}
    counted = yarnml.fit(table, label="count", exposure="years", **more)
    rated = yarnml.fit(table, label="rate", weight="years", **more)
    np.testing.assert_allclose(counted.predict(table), exposure * rated.predict(table), rtol=1e-4)


def test_an_offset_of_several_classes_is_refused() -> None:
    """Softmax has a score for each class, of which an offset can't choose one."""
    with pytest.raises(
        JobFileError, match=r"The offset in column 'known' is added to one score, but 'y' has 3 classes"
    ):
        build_learner(Boosting(), replace(schema(2, (1, 2, 3)), offset=Offset("known")))
