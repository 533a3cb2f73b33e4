"""Models of ratings: the digits' grey values as ratings of 64 pixels by images, a real matrix of low rank."""

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import jax
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn import datasets

import yarnml
from yarnml.data.schema import Feature, Schema
from yarnml.errors import DataError, ExportError
from yarnml.job.learners import Als
from yarnml.learners.base import Batch
from yarnml.learners.ratings.als import AlternatingLeastSquares, State, Sums
from yarnml.learners.ratings.equations import chunk_ratings, equations
from yarnml.learners.registry import build_learner
from yarnml.model import recommend
from yarnml.model.model import Model
from yarnml.model.top_items import Factors, Side, best, known, seen_of

Array = npt.NDArray[Any]
Train = Callable[..., Model]
Job = dict[str, Any]

USERS = 150
ITEMS = 64
GREY = datasets.load_digits().data[:USERS] / 4.0  # 0 … 4
COLUMNS = Schema((Feature("user", 1), Feature("item", 1)), "rating", "number", ())


def ratings(part: float = 1.0, seed: int = 0) -> dict[str, Array]:
    """The columns of a part of all pairs, in random order."""
    chosen = np.random.default_rng(seed).permutation(GREY.size)[: round(part * GREY.size)]
    user, item = (a.astype(np.int64) for a in np.divmod(chosen, ITEMS))
    return {"user": user, "item": item, "rating": GREY[user, item]}


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


def rmse(model: Model, columns: dict[str, Array]) -> float:
    return float(np.sqrt(np.mean(np.square(model.predict(columns) - columns["rating"]))))


def left_by_svd(rank: int) -> float:
    """The least RMSE that a matrix of this rank can have."""
    return float(np.sqrt(np.square(np.linalg.svd(GREY, compute_uv=False)[rank:]).sum() / GREY.size))


def split() -> tuple[dict[str, Array], dict[str, Array]]:
    """Four fifths of the pairs, and the rest."""
    every = ratings()
    cut = GREY.size * 4 // 5
    return {n: a[:cut] for n, a in every.items()}, {n: a[cut:] for n, a in every.items()}


def by_means(seen: dict[str, Array], new: dict[str, Array]) -> float:
    """The RMSE of the items' means."""
    means = np.array([seen["rating"][seen["item"] == i].mean() for i in range(ITEMS)])
    return float(np.sqrt(np.mean(np.square(means[new["item"]] - new["rating"]))))


ALS = {"kind": "als", "users": USERS, "items": ITEMS}
SGD = ALS | {"kind": "factorization", "rank": 8, "optimizer": {"kind": "adam", "learning_rate": 0.02}, "l2": 1e-4}


def test_factors_by_gradient_descent_explain_ratings(train: Train) -> None:
    """New pairs: half the squared error of the items' means; those that were seen: near the best of the rank."""
    seen, new = split()
    model = train(seen, SGD, epochs=40)
    assert rmse(model, new) < by_means(seen, new) / np.sqrt(2)
    assert left_by_svd(11) < rmse(model, seen) < left_by_svd(4)


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
    """A user without a number gets the mean and the item's offset, a pair of nobody and nothing the mean."""
    model = train(ratings(0.2), SGD, epochs=1)
    arrays = {n.removeprefix("parameters/"): np.asarray(a) for n, a in model._arrays.items()}
    unknown = [-1.0, USERS, 1.5, np.nan]
    actual = model.predict(np.array([[user, 3] for user in unknown]))
    np.testing.assert_allclose(actual, arrays["bias"] + arrays["items/offset"][3], rtol=1e-6)
    np.testing.assert_allclose(model.predict(np.array([[-1, ITEMS]])), arrays["bias"], rtol=1e-6)


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


@pytest.mark.parametrize("order", ["by user", "any order"])
@pytest.mark.parametrize("feedback", OPTIONS)
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


@pytest.mark.long
def test_every_turn_lowers_what_is_minimised() -> None:
    """The loss with its penalty never rises, and ends where the rank allows."""
    options = Als(users=USERS, items=ITEMS, rank=8, l2=1e-4)
    losses = [loss for _, loss in turned(options, shards_of(ratings(), 3), 15)]
    assert all(b <= a * 1.0001 for a, b in pairwise(losses))
    assert left_by_svd(8) < np.sqrt(2 * losses[-1]) < 1.02 * left_by_svd(8)


@pytest.mark.long
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


@pytest.fixture(scope="module")
def factors() -> Factors:
    random = np.random.default_rng(1)
    users, items = (random.normal(size=(n, 4)).astype(np.float32) for n in (30, 50))
    return Factors(Side(users, users[:, 0]), Side(items, items[:, 1]), 0.5)


@pytest.mark.parametrize("scores", [1, 333, 10_000])
def test_the_best_items(factors: Factors, scores: int) -> None:
    """For every user the items of the highest scores, without those that were seen, in blocks of any size."""
    random = np.random.default_rng(2)
    pairs = np.stack([random.integers(30, size=400), random.integers(50, size=400)], axis=1)
    asked = known([7, 3, 29, 3], factors)
    actual = pa.concat_tables(best(factors, asked, 6, seen_of(pairs, factors), scores))
    expected = []
    for user in asked:
        allowed = [i for i in range(50) if [user, i] not in pairs.tolist()]
        score = factors.items.factors @ factors.users.factors[user] + factors.items.offset
        order = sorted(allowed, key=lambda i: -score[i])[:6]
        expected += [(user, i, score[i] + factors.users.offset[user] + 0.5, r + 1) for r, i in enumerate(order)]
    user, item, score, rank = (np.array(column) for column in zip(*expected, strict=True))
    assert actual.column_names == ["user", "item", "score", "rank"]
    for name, column in (("user", user), ("item", item), ("rank", rank)):
        np.testing.assert_array_equal(actual[name], column)
    np.testing.assert_allclose(actual["score"], score, rtol=1e-5)


def test_equal_scores_and_few_items(factors: Factors) -> None:
    """Items of equal scores come by their numbers; a user who has seen most of them gets what is left."""
    same = factors._replace(items=Side(np.ones((5, 4), np.float32), np.zeros(5, np.float32)))
    seen = seen_of(np.array([[1, 0], [1, 2], [1, 3], [2, 1]]), same)
    actual = pa.concat_tables(best(same, np.arange(3), 3, seen)).to_pydict()
    assert actual["user"] == [0, 0, 0, 1, 1, 2, 2, 2]
    assert actual["item"] == [0, 1, 2, 1, 4, 0, 2, 3]
    assert actual["rank"] == [1, 2, 3, 1, 2, 1, 2, 3]
    assert len(next(best(same, np.arange(3), 99))) == 3 * 5


@pytest.fixture
def small(train: Train) -> tuple[Model, dict[str, Array]]:
    columns = ratings(0.5)
    return train(columns, ALS | {"rank": 3}, epochs=3), columns


def test_a_loaded_model_recommends(small: tuple[Model, dict[str, Array]]) -> None:
    """The best pixels of an image are those with the highest predictions, what was rated left out."""
    model, columns = small
    actual = model.recommend([5], top=4, without=pa.table(columns))
    rated = set(columns["item"][columns["user"] == 5])
    score = model.predict(np.array([[5, i] for i in range(ITEMS)]))
    order = [i for i in np.argsort(-score, kind="stable") if i not in rated][:4]
    assert actual["item"].to_pylist() == order
    np.testing.assert_allclose(actual["score"], score[order], rtol=1e-5)
    assert len(model.recommend(top=2)) == 2 * USERS


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"users": [USERS]}, "has users 0 to 149, but recommend was asked for user 150"),
        ({"users": [0.5]}, r"needs whole numbers of users, \[n\], got float64 \[1\]"),
        ({"without": {"user": [1], "item": [-3]}}, "has items 0 to 63, but what was seen holds item -3"),
        ({"without": {"user": [1]}}, "the table without has no column 'item'"),
        ({"without": 3}, "needs without as a table, got a int"),
    ],
)
def test_what_can_t_be_recommended(small: tuple[Model, dict[str, Array]], arguments: Job, words: str) -> None:
    """Users and items that the model does not have, and what is no table, get one sentence."""
    with pytest.raises(DataError, match=words):
        small[0].recommend(**arguments)


def test_the_command_writes_what_the_model_recommends(
    small: tuple[Model, dict[str, Array]], tmp_path: Path, yarnml_command: Callable[..., Any]
) -> None:
    """A new folder of Parquet files; one that exists and seen data of other columns are refused, and leave nothing."""
    model, columns = small
    folder = tmp_path / "models"
    output = tmp_path / "deep/best"
    seen = tmp_path / "ratings.parquet"
    done = yarnml_command("recommend", folder, "--top", "3", "--output", output, "--seen", seen)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"450 items for 150 users by {folder}/1 are in {output}\n"
    assert pq.read_table(output).equals(model.recommend(top=3, without=pa.table(columns)))
    pq.write_table(pa.table({"who": [1]}), tmp_path / "other.parquet")
    before = sorted(tmp_path.rglob("*"))
    again = yarnml_command("recommend", folder, "--output", output)
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    assert f"--output {output} exists; choose another folder" in again.stderr
    other = yarnml_command("recommend", folder, "--output", tmp_path / "new", "--seen", tmp_path / "other.parquet")
    assert (other.returncode, other.stderr.count("\n")) == (1, 1)
    assert "other.parquet has no column 'user'; it has who." in other.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_only_models_of_ratings_recommend(train: Train) -> None:
    """Any other model says that it can't."""
    model = train(ratings(0.05), {"kind": "linear"}, epochs=1)
    with pytest.raises(ExportError, match="Only a model of ratings"):
        model.recommend()


def test_a_half_written_dataset_is_never_left(tmp_path: Path) -> None:
    """Files appear together; where making or writing them fails, nothing does."""
    tables = [pa.table({"user": [n, n]}) for n in range(5)]
    assert recommend.write(tables, f"{tmp_path}/whole", rows=4) == 10
    assert [p.name for p in sorted((tmp_path / "whole").iterdir())] == [f"part-0000{n}.parquet" for n in range(3)]
    assert pq.read_table(tmp_path / "whole")["user"].to_pylist() == [n for n in range(5) for _ in range(2)]

    def broken() -> Iterator[pa.Table]:
        yield from tables
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        recommend.write(broken(), f"{tmp_path}/half", rows=2)
    with pytest.raises(ExportError, match=r"can't be written: .*exists"):
        recommend.write(tables, f"{tmp_path}/whole")
    assert [p.name for p in tmp_path.iterdir()] == ["whole"]
