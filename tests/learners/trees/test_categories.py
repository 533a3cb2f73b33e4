"""Categories: a split is the best of all that part them in two, those without rows have a side, and many share bins."""

from itertools import product

import numpy as np
import pytest

from tests.learners.trees.growing import grown, predicted
from yarnml.data.schema import Feature, Schema
from yarnml.job.learners import Boosting, Tree
from yarnml.learners.trees import categories

COLUMNS = Schema((Feature("kind", 1), Feature("size", 1)), "y", "number", ())


def test_the_order_by_mean_has_the_best_of_all_partitions() -> None:
    """No way to part six categories of many rows lowers the squared error more than a cut of their order."""
    random = np.random.default_rng(0)
    weight = random.integers(10_000, 90_000, 6).astype(np.float32)
    sums = np.stack([random.normal(size=6).astype(np.float32) * weight, weight])
    sides = np.array(list(product([0, 1], repeat=6))[1:-1]) @ np.diag(np.ones(6))
    worth = [sum((sums[0] @ s) ** 2 / (sums[1] @ s) for s in (side, 1 - side)) for side in sides]
    along = np.cumsum(categories.in_order(sums.T), axis=0).T[:, :-1]
    right = sums.sum(axis=1, keepdims=True) - along
    cuts = along[0] ** 2 / along[1] + right[0] ** 2 / right[1]
    np.testing.assert_allclose(cuts.max(), max(worth), rtol=1e-4)


def test_sets_are_bits() -> None:
    """A bin that goes left is a bit, the lowest first; a bin without rows goes where the rest does."""
    sums = np.array([[[3.0, 0, -40, 9]] * 2, [[5.0, 0, 20, 1]] * 2])
    is_left = categories.left_of(sums, np.array([0, 1]), np.array([True, False]))
    np.testing.assert_array_equal(is_left, [[False, True, True, False], [True, False, True, False]])
    np.testing.assert_array_equal(categories.packed(is_left, 2), [[6, 0], [5, 0]])


def test_categories_beyond_the_bins_share_them_with_their_like() -> None:
    """A thousand categories of two means fall into bins of one mean each; those without rows have the bin of none."""
    code = np.repeat(np.arange(1000), 20)[None].astype(np.float32)
    y = (code % 2).astype(np.float32)
    total = categories.counts(code, y, np.ones(code.shape[1], np.float32))
    bins = categories.bins_of(total, 17)[0]
    assert set(bins[:1000]) == set(range(16))
    assert set(bins[1000:]) == {17}
    assert bins[:1000:2].max() <= bins[1:1000:2].min()
    few = categories.bins_of(total * (np.arange(total.shape[1]) < 9)[:, None], 17)[0]
    assert len(set(few[:9])) == 9


@pytest.mark.long
def test_categories_tell_more_than_their_numbers() -> None:
    """Boosting explains four fifths of the effects of 200 categories, and by their numbers two thirds at most."""
    random = np.random.default_rng(0)
    x = np.column_stack([random.integers(200, size=3000), random.normal(size=3000)]).astype(np.float32)
    y = (random.normal(size=200)[x[:, 0].astype(int)] * (1 + 0.5 * (x[:, 1] > 0))).astype(np.float32)
    unknown = np.array([[500, 0], [np.nan, 0], [-3, 0], [0.5, 0]], np.float32)
    explained = []
    for names in (["kind"], []):
        learner, state = grown(
            Boosting(trees=30, depth=3, learning_rate=0.3, categorical=names), COLUMNS, x[:2000], y[:2000]
        )
        error = predicted(learner, state, x[2000:]) - y[2000:]
        explained.append(1 - error.var() / y[2000:].var())
        if names:
            assert len(set(predicted(learner, state, unknown))) == 1
    assert explained[0] > 0.8
    assert explained[1] < 0.67


@pytest.mark.long
def test_a_category_of_few_rows_is_no_group() -> None:
    """One odd row does not decide the first split, which smoothing gives to a category of many rows."""
    code = np.append(np.arange(400) % 4, 7).astype(np.float32)
    y = np.append(np.arange(400) % 4 == 3, 3.0).astype(np.float32)
    x = np.column_stack([code, np.zeros(401)]).astype(np.float32)
    learner, state = grown(Tree(depth=1, categorical=["kind"]), COLUMNS, x, y)
    prediction = predicted(learner, state, np.array([[0, 0], [3, 0], [7, 0]], np.float32))
    assert prediction[0] < 0.1
    assert prediction[1] == prediction[2] > 0.9
