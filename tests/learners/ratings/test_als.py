"""Alternating least squares: its factors are those of a dense matrix, however the ratings lie in shards."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import jax
import numpy as np
import pytest

import yarnml
from tests.learners.ratings.grey_values import (
    ALS,
    ITEMS,
    USERS,
    Array,
    Job,
    Train,
    by_means,
    left_by_svd,
    ratings,
    rmse,
    split,
)
from yarnml.data.schema import Feature, Schema
from yarnml.errors import DataError
from yarnml.job.learners import Als
from yarnml.learners.base import Batch
from yarnml.learners.ratings.als import AlternatingLeastSquares, State, Sums
from yarnml.learners.ratings.equations import chunk_ratings, equations
from yarnml.learners.registry import build_learner

pytestmark = pytest.mark.long

COLUMNS = Schema((Feature("user", 1), Feature("item", 1)), "rating", "number", ())


def by_hand(y: Array, weight: Array, start: Array, turns: int, options: Als) -> tuple[Array, Array]:
    """ALS in float64 over a dense matrix, system by system; ``weight`` is 0 where there is no rating."""

    def solve(other_side: Array, y: Array, weight: Array) -> Array:
        if options.feedback == "explicit":
            ridge = options.l2 * weight.sum() or 1.0
            matrix = (other_side * weight[:, None]).T @ other_side
            right = other_side.T @ (weight * y)
        else:
            confidence = 1 + options.confidence * y * weight
            matrix = (other_side * confidence[:, None]).T @ other_side
            ridge = options.l2
            right = other_side.T @ (weight * (1 + options.confidence * y) * (y > 0))
        return np.linalg.solve(matrix + ridge * np.eye(other_side.shape[1]), right)

    def side(other_side: Array, y: Array, weight: Array) -> Array:
        return np.array([solve(other_side, a, w) for a, w in zip(y, weight, strict=True)])

    items = start.astype(np.float64)
    users = side(items, y, weight)
    for _ in range(turns):
        items = side(users, y.T, weight.T)
        users = side(items, y, weight)
    return users, items


def objective(y: Array, weight: Array, users: Array, items: Array, options: Als) -> float:
    actual = users @ items.T
    if options.feedback == "explicit":
        return float((weight * np.square(actual - y)).sum() / 2 / weight.sum())
    more = options.confidence * y
    rows = weight * ((1 + more) * np.square((y > 0) - actual) - np.square(actual))
    return float((rows.sum() + np.square(actual).sum()) / 2 / weight.sum())


def shards_of(columns: dict[str, Array], shards: int) -> list[Batch]:
    x = np.stack([columns["user"], columns["item"]], axis=1).astype(np.float32)
    weight = columns.get("weight", np.ones(len(x))).astype(np.float32)
    parts = [np.array_split(a, shards) for a in (x, columns["rating"].astype(np.float32), weight)]
    return [Batch(*part) for part in zip(*parts, strict=True)]


def turned(options: Als, shards: list[Batch], turns: int) -> Iterator[tuple[State, float]]:
    """The state before the first epoch and after every epoch, and the loss that its last pass told."""
    learner = build_learner(options, COLUMNS)
    assert isinstance(learner, AlternatingLeastSquares)
    state = learner.init(jax.random.key(0))
    update = jax.jit(learner.update)
    held = [learner.prepare_shard(state, [rows]) for rows in shards]
    yield state, np.inf
    for _ in range(turns + 1):
        for _ in ("items", "users"):
            on_host = jax.tree.map(np.asarray, state)
            parts = [learner.map_shard(on_host, one)[0] for one in held]
            state, scores = update(state, Sums(*(sum(leaves) for leaves in zip(*parts, strict=True))))
        yield state, float(scores.loss / scores.weight)


OPTIONS = {
    "explicit": Als(users=USERS, items=ITEMS, rank=5, l2=0.02),
    "implicit": Als(users=USERS, items=ITEMS, rank=5, l2=0.5, feedback="implicit", confidence=3.0),
}


@pytest.mark.parametrize(
    ("feedback", "order"),
    [
        ("implicit", "by user"),
        ("explicit", "any order"),
        pytest.param("explicit", "by user", marks=pytest.mark.breadth),
        pytest.param("implicit", "any order", marks=pytest.mark.breadth),
    ],
)
def test_alternation_is_that_of_a_dense_matrix(feedback: str, order: str) -> None:
    """Factors agree with system by system in NumPy to 1e-4, and the loss that is told with the paper's objective.

    With weights, with images of no ratings, and whether the rows of a user are in one shard or in several.
    """
    options = OPTIONS[feedback]
    columns = ratings(0.6)
    keep = columns["user"] % 10 != 9
    columns = {n: a[keep] for n, a in columns.items()}
    if order == "by user":
        columns = {n: a[np.argsort(columns["user"], kind="stable")] for n, a in columns.items()}
    columns["weight"] = 1.0 + columns["item"] % 2
    states = list(turned(options, shards_of(columns, 4), 3))
    shared = int(states[-1][0].sharing)
    assert shared <= 3 if order == "by user" else shared > 100
    weight, y = np.zeros((2, USERS, ITEMS))
    weight[columns["user"], columns["item"]] = columns["weight"]
    y[columns["user"], columns["item"]] = columns["rating"]
    users, items = by_hand(y, weight, np.asarray(states[0][0].items), 3, options)
    last = states[-1][0]
    np.testing.assert_allclose(last.users, users, atol=1e-4 * np.abs(users).max())
    np.testing.assert_allclose(last.items, items, atol=1e-4 * np.abs(items).max())
    assert states[-1][1] == pytest.approx(objective(y, weight, users, items, options), rel=1e-4)


def test_equations_of_any_number_of_ratings() -> None:
    """Sums over owners of one rating and of more than a chunk holds are NumPy's; owners may be left out."""
    random = np.random.default_rng(5)
    rank = 2
    counts = np.array([1, 31, 0, 32, 33, 1500, *random.integers(1, 20, 5000)])
    owner = random.permutation(np.repeat(np.arange(len(counts)), counts)).astype(np.int32)
    other = random.integers(7, size=len(owner)).astype(np.int32)
    second, first = random.normal(size=(2, len(owner))).astype(np.float32)
    factors = random.normal(size=(7, rank)).astype(np.float32)
    f = factors[other].astype(float)
    packed = [second * f[:, 0] ** 2, second * f[:, 0] * f[:, 1], second * f[:, 1] ** 2, *(first * f.T), second]
    expected = np.stack([np.bincount(owner, values, len(counts)) for values in packed], axis=1)
    chunks = chunk_ratings(owner, other, second, first)
    for owners in (len(counts), 6):
        actual = equations(chunks, factors, owners)
        np.testing.assert_allclose(actual, expected[:owners], rtol=1e-4, atol=1e-4)


def test_every_turn_lowers_what_is_minimised() -> None:
    """The loss with its penalty never rises, and ends where the rank allows."""
    options = Als(users=USERS, items=ITEMS, rank=8, l2=1e-4)
    losses = [loss for _, loss in turned(options, shards_of(ratings(), 3), 15)]
    assert all(b <= a * 1.0001 for a, b in pairwise(losses))
    assert left_by_svd(8) < np.sqrt(2 * losses[-1]) < 1.02 * left_by_svd(8)


@pytest.mark.breadth
def test_als_on_any_number_of_processes(ratings_job: Callable[..., Job], tmp_path: Path) -> None:
    """Two worker processes train the bits of one; new pairs have half the squared error of the items' means."""
    seen, new = split()
    job = ratings_job(seen, ALS | {"rank": 8, "l2": 0.05}, epochs=11)
    several = job | {"checkpoint": {"path": str(tmp_path / "two")}, "export": str(tmp_path / "of-two")}
    alone, two = (
        yarnml.load_model(str(yarnml.run(j, backend=b).export)) for j, b in ((job, "inline"), (several, "local"))
    )
    for name in ("users", "items"):
        a, b = (np.asarray(m._arrays[f"parameters/{name}/factors"]) for m in (alone, two))
        assert a.tobytes() == b.tobytes()
    assert rmse(alone, new) < by_means(seen, new) / np.sqrt(2)


def test_too_many_users_in_several_shards(train: Train) -> None:
    """More of them than learner.shared is refused with their number; rows by user have few."""
    with pytest.raises(DataError, match=r"\d\d+ users have rows in more than one shard, but learner.shared allows 2;"):
        train(ratings(), ALS | {"shared": 2})
    columns = ratings()
    order = np.argsort(columns["user"], kind="stable")
    train({n: a[order] for n, a in columns.items()}, ALS | {"shared": 2}, epochs=3)
