"""Two towers: loss and gradient by their equations, and that they find what suits a query."""

from typing import Any

import jax
import numpy as np
import pytest

from yarnml.data.schema import Feature, Schema
from yarnml.errors import JobFileError
from yarnml.job.learners import TwoTower
from yarnml.job.prepare import Key
from yarnml.learners.base import Batch
from yarnml.learners.tables.base import Entries
from yarnml.learners.tables.sampled_softmax import Pairs, SampledSoftmax
from yarnml.learners.tables.two_tower import build

pytestmark = pytest.mark.long

ROWS = 11
NEGATIVES = 3
TEMPERATURE = 0.5
COLUMNS = ["user", "age", "item", "tags", "price"]


def schema(*crosses: list[str]) -> Schema:
    step = Key(columns=["any"], crosses=[*crosses])
    numbers = ("age", "price")
    features = tuple(Feature(name, 1) if name in numbers else Feature(name, 0, (step,)) for name in COLUMNS)
    return Schema(features, None, "none", (), fields=True)


def blocks() -> list[list[int]]:
    """Rows that are told from each other: every third, so that each block has four or, filled up, three of them."""
    return [list(range(start, ROWS, 3)) for start in range(3)]


def softmax_by_the_equations(pairs: Pairs, weight: Any) -> tuple[Any, Any, Any]:
    """The loss of every row, and the derivatives of Σ weight · loss by the queries and the items; float64."""
    query, item, count = (np.asarray(array, np.float64) for array in (pairs.query, pairs.item, pairs.count))
    loss = np.zeros(ROWS)
    by_query = np.zeros_like(query)
    by_item = np.zeros_like(item)
    for block in blocks():
        for row in block:
            if pairs.number[row] < 0:
                continue
            negatives = [o for o in block if weight[o] > 0 and 0 <= pairs.number[o] != pairs.number[row]]
            among = [row, *negatives]
            scores = np.array([query[row] @ item[o] / TEMPERATURE - np.log(1 + count[o]) for o in among])
            share = np.exp(scores) / np.exp(scores).sum()
            loss[row] = -np.log(share[0])
            slope = weight[row] * (share - (np.arange(len(among)) == 0)) / TEMPERATURE
            for one, other in zip(slope, among, strict=True):
                by_query[row] += one * item[other]
                by_item[other] += one * query[row]
    return loss, by_query, by_item


def test_sampled_softmax() -> None:
    """Loss and gradient are those of the equations: no negative has no weight, no item or the row's own item.

    The gradient by a count is 1 for each row that has a weight and an item, whatever the weight.
    """
    random = np.random.default_rng(1)
    query, item = random.normal(size=(2, ROWS, 4)).astype(np.float32)
    number = np.array([5, 1, 2, 5, 3, 2, -1, 1, 4, 5, 3], np.int32)
    count = random.integers(0, 50, ROWS).astype(np.float32)
    weight = np.array([1, 2, 1, 1, 0.5, 0, 1, 1, 3, 1, 1], np.float32)
    pairs = Pairs(query, item, number, count)
    softmax = SampledSoftmax(NEGATIVES, TEMPERATURE)

    def total(query: Any, item: Any, count: Any) -> Any:
        losses = softmax.loss(Pairs(query, item, number, count), Batch(None, None, weight))
        return (losses * weight).sum(), losses

    (_, losses), gradient = jax.value_and_grad(total, argnums=(0, 1, 2), has_aux=True)(query, item, count)
    expected, *slopes = softmax_by_the_equations(pairs, weight)
    np.testing.assert_allclose(losses, expected, rtol=1e-5)
    for actual, slope in zip(gradient, slopes, strict=False):
        np.testing.assert_allclose(actual, slope, atol=1e-5)
    np.testing.assert_allclose(gradient[2], (weight > 0) & (number >= 0), rtol=1e-6)


def test_towers() -> None:
    """A tower is its layers on its own columns, in float64 by hand, to a vector of length 1."""
    options = TwoTower(item=["item", "tags", "price"], width=2, hidden=[3], vector=4)
    learner = build(options, schema(["item", "tags"]))
    random = np.random.default_rng(2)
    x = random.normal(size=(2, 2)).astype(np.float32)
    rows = {
        "embedding": random.normal(size=(6, 2)).astype(np.float32),
        "count": np.arange(6, dtype=np.float32)[:, None],
    }
    # The fields are user, item, tags and the cross; the first row has two tags, the second one neither item nor tag.
    numbers = ([0, 2, 3, 4, 5, 1], [0, 0, 0, 0, 0, 1], [0, 1, 2, 2, 3, 0])
    index, row, field = (np.array(array, np.int32) for array in numbers)
    dense = {d.name: random.normal(size=(d.size, d.block.width)).astype(np.float32) for d in learner.dense}
    pairs: Pairs = learner.model.score(
        dense, jax.tree.map(jax.numpy.asarray, rows), x, Entries(index, row, None, field)
    )
    own = {name: array.astype(np.float64) for name, array in dense.items()}
    embedded = rows["embedding"].astype(np.float64)
    empty = np.zeros(2)
    inputs = {
        "query": [[*embedded[0], x[0, 0]], [*embedded[1], x[1, 0]]],
        "item": [
            [*embedded[2], *(embedded[3] + embedded[4]), *embedded[5], x[0, 1]],
            [*empty, *empty, *empty, x[1, 1]],
        ],
    }
    for name, given in inputs.items():
        hidden = np.maximum(np.array(given) @ own[f"{name}_0_weights"] + own[f"{name}_0_bias"], 0)
        vector = hidden @ own[f"{name}_1_weights"] + own[f"{name}_1_bias"]
        expected = vector / np.linalg.norm(vector, axis=1, keepdims=True)
        np.testing.assert_allclose(getattr(pairs, name), expected, rtol=1e-4)
    assert pairs.number[0] == 2
    assert pairs.number[1] < 0
    assert pairs.count[0] == 2


@pytest.mark.parametrize(
    ("items", "crosses", "sentence"),
    [
        (["film"], [], r"learner.item: 'film' is none of the features \(user, age, item, tags, price\)"),
        (COLUMNS[::-1], [], "learner.item names all features, and none is left for the query"),
        (["price", "item"], [], "begins with the id of an item, and 'price' becomes no keys"),
        (["item"], [["item", "tags"]], "crosses item and tags, of which some are learner.item and some are not"),
    ],
    ids=["unknown", "all", "no id", "cross"],
)
def test_items_that_can_not_be(items: list[str], crosses: list[list[str]], sentence: str) -> None:
    """Columns that are no tower's are refused by name."""
    with pytest.raises(JobFileError, match=sentence):
        build(TwoTower(item=items), schema(*crosses))
