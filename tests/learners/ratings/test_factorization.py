"""Factors by gradient descent, and ratings that no method takes."""

import numpy as np
import pyarrow as pa
import pytest

from tests.learners.ratings.grey_values import (
    ALS,
    ITEMS,
    SGD,
    USERS,
    Train,
    by_means,
    left_by_svd,
    ratings,
    rmse,
    split,
)
from yarnml.errors import DataError
from yarnml.model.top_items import Factors, Side, best, factors_of, seen_of

pytestmark = pytest.mark.long


def test_factors_by_gradient_descent_explain_ratings(train: Train) -> None:
    """New pairs: half the squared error of the items' means; those that were seen: near the best of the rank."""
    seen, new = split()
    model = train(seen, SGD, epochs=40)
    assert rmse(model, new) < by_means(seen, new) / np.sqrt(2)
    assert left_by_svd(11) < rmse(model, seen) < left_by_svd(4)


@pytest.mark.breadth
def test_ranking_by_gradient_descent_finds_what_is_new(train: Train) -> None:
    """The ten best pixels of an image miss a quarter fewer of its new dark pixels than the ten darkest of all."""
    columns = {n: a[ratings()["rating"] >= 2] for n, a in ratings().items()}
    cut = len(columns["user"]) * 4 // 5
    seen = {n: a[:cut] for n, a in columns.items()}
    new = {n: a[cut:] for n, a in columns.items()}
    model = train(seen, SGD | {"feedback": "implicit"}, epochs=40)

    def missed(actual: pa.Table) -> float:
        pairs = set(zip(actual["user"].to_pylist(), actual["item"].to_pylist(), strict=True))
        return float(np.mean([pair not in pairs for pair in zip(new["user"], new["item"], strict=True)]))

    count = np.bincount(seen["item"], minlength=ITEMS).astype(np.float32)
    nobody = np.zeros((USERS, 1), np.float32)
    someone = np.zeros((ITEMS, 1), np.float32)
    popular = Factors(Side(nobody, nobody[:, 0]), Side(someone, count), 0.0)
    without = seen_of(np.stack([seen["user"], seen["item"]], axis=1), popular)
    darkest = pa.concat_tables(best(popular, np.arange(USERS), 10, without))
    assert missed(model.recommend(top=10, without=pa.table(seen))) < 0.75 * missed(darkest)


def test_nobody_has_the_factors_0(train: Train) -> None:
    """A user who is nobody gets the mean and the item's offset, a pair of nobody and nothing the mean."""
    model = train(ratings(0.2), SGD, epochs=1)
    factors = factors_of(model._arrays)
    unknown = [-1.0, USERS, 1.5]
    actual = model.predict(np.array([[user, 3] for user in unknown]))
    np.testing.assert_allclose(actual, factors.mean + factors.items.offset[3], rtol=1e-5)
    np.testing.assert_allclose(model.predict(np.array([[-1, ITEMS]])), factors.mean, rtol=1e-5)


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("user", USERS, r"'user' holds 150, but learner.kind als needs whole numbers from 0 to 149, as learner.users"),
        ("item", -1, r"'item' holds -1, but learner.kind als needs whole numbers from 0 to 63, as learner.items is 64"),
        ("item", 2.5, r"'item' holds 2.5, .*; number them so, or raise learner.items"),
        ("user", 2.0**24 + 1, r"'user' holds 16777216, "),
    ],
)
def test_rows_that_are_no_ratings(train: Train, column: str, value: float, words: str) -> None:
    """A number that is nobody's ends the job with the column, the number and what to do."""
    columns = {name: a.astype(np.float64) for name, a in ratings(0.02).items()}
    columns[column][7] = value
    with pytest.raises(DataError, match=words):
        train(columns, ALS)


@pytest.mark.parametrize("kind", ["als", "factorization"])
def test_amounts_below_0(train: Train, kind: str) -> None:
    """Both methods refuse them with implicit feedback, and name the label."""
    columns = ratings(0.02)
    columns["rating"][7] = -1.0
    with pytest.raises(DataError, match=r"'rating' holds -1, but learner.feedback implicit needs amounts of 0 or more"):
        train(columns, {"kind": kind, "users": USERS, "items": ITEMS, "feedback": "implicit"})
