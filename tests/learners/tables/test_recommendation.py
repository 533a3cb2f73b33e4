"""Recommendations by two towers: the modules of Python that a text is about."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import yarnml
from tests.learners.tables.docstrings import docstrings
from yarnml.errors import DataError, ExportError, YarnmlError
from yarnml.model.held_out import HeldOut
from yarnml.model.model import Model
from yarnml.model.recommend import recommend
from yarnml.model.recommender import recommender_of
from yarnml.model.top_items import NOTHING, Seen, best

pytestmark = pytest.mark.long

NAMES = ("users", "items")
KEYS = {"kind": "key", "columns": ["words", "module", "about"], "crosses": [["module", "about"]]}


@pytest.fixture(scope="module")
def texts() -> tuple[pa.Table, pa.Table]:
    """Rows to train on, and others."""
    table = docstrings()
    cut = len(table) * 4 // 5
    return table.slice(0, cut), table.slice(cut)


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="module")
def model(texts: tuple[pa.Table, pa.Table], export: Path) -> Model:
    return yarnml.fit(
        texts[0],
        features=["words", "count", "module", "about"],
        learner={"kind": "two_tower", "item": ["module", "about"]},
        data={"prepare": [KEYS], "scale": "standard"},
        training={"epochs": 4, "batch_size": 128, "shards": 2},
        export=str(export),
    )


def test_items_that_suit(model: Model, texts: tuple[pa.Table, pa.Table]) -> None:
    """A text that training has not seen gets its module among the first five far more often than the commonest five."""
    train, rest = texts
    recommender = recommender_of(model.content, rest, train, NAMES)
    quality = HeldOut(recommender.pairs([rest], "rest"), NOTHING, recommender.users, 5)
    list(quality.count(best(recommender.factors, recommender.users, 5)))
    commonest = [name for name, _ in Counter(train["module"].to_pylist()).most_common(5)]
    popular = np.mean([name in commonest for name in rest["module"].to_pylist()])
    assert quality.metrics()["recall_at_5"] > max(0.6, 1.5 * popular)


def test_the_order_is_that_of_predictions(model: Model, texts: tuple[pa.Table, pa.Table]) -> None:
    """Users and items come by the values of their first columns, by what `predict` gives, without those seen.

    An item comes once, whatever rows it has; of one that training did not meet, and that has no other column that it
    did, nothing is known.
    """
    train, rest = texts
    users = rest.slice(0, 3)
    nothing: list[str] = []
    new = pa.table({"module": ["nowhere", "about json"], "about": [nothing, ["json", "data"]]})
    items = pa.concat_tables([train.select(["module", "about"]), new])
    modules = [*dict.fromkeys(items["module"].to_pylist())]
    modules.remove("nowhere")
    about = {row["module"]: row["about"] for row in items.to_pylist()}
    seen = pa.table({"words": [users["words"][0].as_py()] * 2, "module": ["json", "no module"]})
    table = model.recommend(users, top=4, without=seen, items=items).to_pylist()
    for user in users.to_pylist():
        pairs = pa.Table.from_pylist([user | {"module": name, "about": about[name]} for name in modules])
        score = dict(zip(modules, model.predict(pairs), strict=True))
        if user["words"] == users["words"][0].as_py():
            del score["json"]
        expected = sorted(score, key=lambda name: -score[name])[:4]
        actual = [row for row in table if row["user"] == user["words"]]
        assert [row["item"] for row in actual] == expected
        np.testing.assert_allclose([row["score"] for row in actual], [score[name] for name in expected], atol=1e-5)


def test_the_command(
    model: Model,
    texts: tuple[pa.Table, pa.Table],
    export: Path,
    tmp_path: Path,
    yarnml_command: Callable[..., Any],
) -> None:
    """Users and items are data of any format; what is missing is named."""
    train, rest = texts
    for name, table in {"users": rest, "train": train}.items():
        pq.write_table(table, tmp_path / f"{name}.parquet")
    given = ["--users", tmp_path / "users.parquet", "--items", tmp_path / "train.parquet"]
    more = ["--seen", tmp_path / "train.parquet", "--held-out", tmp_path / "users.parquet"]
    output = ["--top", "3", "--output", tmp_path / "best"]
    done = yarnml_command("recommend", export, *given, *more, *output)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        f"{3 * len(rest)} items for {len(rest)} users by {export}/1 are in {tmp_path}/best; recall_at_3 0."
        in done.stdout
    )
    assert pq.read_table(tmp_path / "best").equals(model.recommend(rest, top=3, without=train, items=train))
    for items, sentence in [(None, "needs --items as a table of its columns"), (output[-1], "has no column 'module'")]:
        with pytest.raises(YarnmlError, match=sentence):
            recommend(str(export), 3, f"{tmp_path}/other", users=str(given[1]), items=items and str(items))


def test_tables_that_can_not_be(model: Model, texts: tuple[pa.Table, pa.Table]) -> None:
    """Missing tables, and ids of users in the place of a table."""
    with pytest.raises(ExportError, match="needs users as a table of its columns, got nothing"):
        model.recommend(items=texts[0])
    with pytest.raises(ExportError, match="needs users as a table of its columns, got a list"):
        model.recommend([3], items=texts[0])
    with pytest.raises(DataError, match="has no column 'about'"):
        model.recommend(texts[1], items=texts[0].select(["module"]))


def test_metrics_of_held_out_pairs() -> None:
    """Recall and NDCG by hand: a pair that was seen is none to be found, and one of an unknown item is missed."""
    tables = [
        pa.table({"user": [0, 0, 0, 1, 1, 1], "item": [4, 2, 3, 1, 2, 3], "rank": [1, 2, 3, 1, 2, 3]}),
        pa.table({"user": [2, 2], "item": [0, 1], "rank": [1, 2]}),
    ]
    held_out = Seen(np.array([0, 0, 1, 1, 1, 7]), np.array([2, 2, 3, -1, 5, 0]))
    quality = HeldOut(held_out, Seen(np.array([1]), np.array([5])), np.arange(3), 3)
    assert list(quality.count(tables)) == tables
    first = 1 / np.log2(3)
    second = (1 / np.log2(4)) / (1 + 1 / np.log2(3))
    assert quality.users == 2
    assert quality.metrics() == pytest.approx({"recall_at_3": (1 + 1 / 2) / 2, "ndcg_3": (first + second) / 2})
    assert HeldOut(NOTHING, NOTHING, np.arange(3), 3).metrics() == {}
