"""Recommendations: the best items of users, what was seen left out."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest

import yarnml
from tests.learners.ratings.grey_values import ALS, ITEMS, USERS, Array, Job, Train, ratings
from yarnml.errors import DataError, ExportError, JobFileError
from yarnml.model import recommend
from yarnml.model.model import Model
from yarnml.model.top_items import Factors, Side, best, known, seen_of

pytestmark = pytest.mark.long


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


@pytest.fixture(scope="module")
def named() -> Model:
    """A model of users and items that have names, one user with ratings that do not count."""
    columns = {n: values[:2000] for n, values in ratings(0.5).items()}
    names = pa.table({
        "who": [f"image {n}" for n in columns["user"]] + ["nobody"],
        "what": [int(n) * 10 for n in columns["item"]] + [0],
        "rating": [*columns["rating"], 3.0],
        "weight": [1.0] * 2000 + [0.0],
    })  # fmt: skip
    steps = [{"kind": "category", "columns": ["who", "what"]}]
    learner = {"kind": "als", "rank": 3}
    return yarnml.fit(names, label="rating", weight="weight", learner=learner, data={"prepare": steps})


def test_users_have_their_own_ids(named: Model) -> None:
    """Users are asked for by the ids that they have in the data, and items come with theirs; counts follow from ids."""
    asked = ["image 3", "image 120"]
    seen = pa.table({"who": ["image 3"] * 60, "what": [n * 10 for n in range(60)]})
    table = named.recommend(asked, top=3, without=seen)
    assert [*dict.fromkeys(table["user"].to_pylist())] == asked
    best = table.filter(pa.compute.equal(table["user"], "image 3"))
    assert {*best["item"].to_pylist()} < {600, 610, 620, 630}
    pairs = pa.table({"who": best["user"], "what": best["item"]})
    np.testing.assert_allclose(best["score"], named.predict(pairs), rtol=1e-5)
    assert "nobody" not in named.recommend(top=1)["user"].to_pylist()


@pytest.mark.parametrize(
    ("users", "words"),
    [
        (["image 3", "zoe"], "asked for the user 'zoe', whom the training data do not have"),
        (["nobody"], "asked for the user nobody, of whom the training data have no ratings"),
        ([3.5], "the user 3.5, whom the training data do not have"),
    ],
)
def test_unknown_users_and_those_without_ratings(named: Model, users: list[Any], words: str) -> None:
    """A user of whom nothing is known gets no arbitrary items, but one sentence."""
    with pytest.raises(DataError, match=words):
        named.recommend(users)


def test_numbers_need_a_count(train: Train) -> None:
    """The job file says how many users and items there are where columns hold numbers."""
    with pytest.raises(
        JobFileError, match=r"als needs learner\.items, how many there are, or category of data.prepare"
    ):
        train(ratings(0.05), {"kind": "als", "users": USERS}, epochs=2)


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


def test_users_and_items_by_their_codes(tmp_path: Path) -> None:
    """Codes are told apart digit by digit in what was seen, of CSV too; one that is unknown is told as it is."""
    users = [f"{n:03d}" for n in range(6)]
    columns = {"user": users * 4, "item": [f"i{n % 4}" for n in range(24)], "y": [float(n % 5) for n in range(24)]}
    pq.write_table(pa.table(columns), tmp_path / "ratings.parquet")
    step = {"kind": "category", "columns": ["user"], "values": users}
    items = {"kind": "category", "columns": ["item"], "values": ["i0", "i1", "i2", "i3"]}
    data = {"train": str(tmp_path / "ratings.parquet"), "features": ["user", "item"], "label": "y"}
    job = {
        "name": "codes",
        "data": {**data, "prepare": [step, items]},
        "learner": {"kind": "als", "users": 6, "items": 4, "rank": 2},
        "training": {"epochs": 2, "shards": 1},
        "checkpoint": {"path": str(tmp_path / "job")},
        "export": str(tmp_path / "models"),
    }
    yarnml.run(job, backend="inline")
    seen = {"user": ["000", "001", "001"], "item": ["i2", "i0", "i3"]}
    expected = yarnml.load_model(tmp_path / "models").recommend(top=4, without=seen)
    pc.write_csv(pa.table(seen), tmp_path / "seen.csv")
    recommend.recommend(str(tmp_path / "models"), 4, str(tmp_path / "best"), str(tmp_path / "seen.csv"))
    assert pq.read_table(tmp_path / "best").equals(expected)
    assert expected.num_rows == 6 * 4 - 3
    model = yarnml.load_model(tmp_path / "models")
    for asked, words in (
        ({"user": ["u9"], "item": ["i0"]}, "user 'u9'"),
        ({"user": ["000"], "item": ["9"]}, "item '9'"),
    ):
        with pytest.raises(
            DataError, match=rf"the table without holds the {words}, which the training data do not hav"
        ):
            model.recommend(without=asked)
