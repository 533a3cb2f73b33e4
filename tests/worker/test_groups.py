"""Metrics of the order within groups are scikit-learn's for each group, wherever the rows of a group lie."""

from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as right

import yarnml
from yarnml.data.placed import MAX_ROWS, group_numbers
from yarnml.errors import DataError, JobFileError
from yarnml.job.metrics import check_metric, cutoff, of_groups, rises
from yarnml.worker.metrics.groups import Groups

NAMES = ["ndcg", "ndcg_3", "map", "mrr", "recall_at_2"]


def expected(group: Any, score: Any, relevance: Any) -> dict[str, float]:
    """The metrics of whole groups by scikit-learn, those that it lacks by their definition for scores without ties."""
    values: list[list[float]] = []
    for number in np.unique(group):
        s = score[group == number]
        r = relevance[group == number]
        if not (r > 0).any():
            continue
        is_relevant = r > 0
        ranks = np.array([(s >= own).sum() for own in s])
        ndcg = [right.ndcg_score([r], [s], k=k) if len(r) > 1 else 1.0 for k in (None, 3)]
        precision = right.average_precision_score(is_relevant, s)
        values.append([*ndcg, precision, 1 / ranks[is_relevant].min(), (ranks[is_relevant] <= 2).mean()])
    return dict(zip(NAMES, np.mean(values, axis=0), strict=True)) if values else {}


@st.composite
def rankings(draw: st.DrawFn) -> tuple[Any, ...]:
    """Groups of several sizes in any order, their scores and relevances, and cuts of the rows."""
    n = draw(st.integers(1, 60))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    score = random.permutation(n) / 7 - 2
    cuts = draw(st.lists(st.integers(0, n), max_size=5))
    return random.integers(0, 8, n), score, random.integers(0, 4, n).astype(float), cuts


@given(rankings())
@settings(max_examples=60)
def test_they_are_those_of_whole_groups(case: tuple[Any, ...]) -> None:
    """Every metric equals scikit-learn's mean over groups; parts of the rows add up in any order to the same bits."""
    group, score, relevance, cuts = case
    n = len(group)
    groups = Groups(NAMES, n)
    numbers = group_numbers(pa.chunked_array([pa.array(group)]), "here")
    parts = [
        groups.sums(low, numbers[low:high], score[low:high], relevance[low:high])
        for low, high in pairwise([0, *sorted(cuts), n])
    ]
    total = np.sum(parts, axis=0)
    np.testing.assert_array_equal(total, np.sum(parts[::-1], axis=0))
    metrics = groups.metrics(total)
    assert metrics == pytest.approx(expected(group, score, relevance))


def test_rows_of_one_score_gain_nothing_by_their_order() -> None:
    """With equal scores, NDCG and recall are the mean over all orders; the others put the relevant rows last."""
    relevance = np.array([3.0, 0, 1, 0])
    groups = Groups(["ndcg", "map", "mrr", "recall_at_2"], 4)
    for order in (relevance, relevance[::-1]):
        metrics = groups.metrics(groups.sums(0, np.ones(4), np.zeros(4), order))
        ndcg = right.ndcg_score([relevance], [np.zeros(4)])
        assert metrics == pytest.approx({"ndcg": ndcg, "map": 0.5, "mrr": 0.25, "recall_at_2": 0.5})
    assert groups.metrics(np.zeros(12)) == {}


def test_groups_are_told_apart_by_their_values() -> None:
    """Equal values have one number in every file, as text and dictionaries too; a row without a group is refused."""
    texts = pa.chunked_array([pa.array(["a", "b", "a"])])
    numbers = group_numbers(texts, "here")
    np.testing.assert_array_equal(numbers, group_numbers(texts.dictionary_encode(), "here"))
    assert numbers[0] == numbers[2] != numbers[1]
    assert (numbers > 0).all()
    with pytest.raises(DataError, match="here has 1 nulls, and a row without a group can't be ranked"):
        group_numbers(pa.chunked_array([pa.array([1, None])]), "here")
    with pytest.raises(DataError, match="ndcg is for 4194304 rows at most"):
        Groups(["ndcg"], MAX_ROWS + 1)


def test_names_of_groups() -> None:
    """A name may have a number of rows behind it; all are better when they rise, for numbers and two classes."""
    assert [cutoff(name) for name in ("ndcg", "ndcg_10", "recall_at_5")] == [
        ("ndcg", None),
        ("ndcg", 10),
        ("recall_at", 5),
    ]
    for name in NAMES:
        assert of_groups(name)
        assert rises(name)
        check_metric("search.metric", name, "number", 0)
        check_metric("search.metric", name, "class", 2)
    assert not of_groups("recall")
    with pytest.raises(JobFileError, match="not by ndcg"):
        check_metric("search.metric", "ndcg", "class", 3)


@pytest.mark.parametrize("shards", [1, 3])
def test_a_job_ranks_groups_across_shards(shards: int) -> None:
    """A job's metrics are those of its predictions, in every cut; rows of weight 0 and early stopping included."""
    random = np.random.default_rng(0)
    x = random.normal(size=(90, 2))
    frame = {"a": x[:, 0], "b": x[:, 1], "query": random.permutation(90) % 11, "w": (np.arange(90) % 9 > 0) * 1.0}
    frame["y"] = np.maximum(np.round(x[:, 0] + random.normal(size=90) / 2), 0)
    model = yarnml.fit(
        frame,
        label="y",
        weight="w",
        group="query",
        learner={"kind": "linear", "solver": "normal"},
        test=frame,
        evaluation={"metrics": NAMES, "training": True},
        training={"shards": shards, "early_stopping": {"metric": "ndcg_3"}},
    )
    assert model.schema.names == ["a", "b"]
    assert model.outcome
    counts = frame["w"] > 0
    right_metrics = expected(frame["query"][counts], model.predict(frame)[counts], frame["y"][counts])
    for part in ("test", "train"):
        assert {name: model.outcome.metrics[part][name] for name in NAMES} == pytest.approx(right_metrics)


def test_groups_must_be_named() -> None:
    """A metric of groups without data.group is refused before anything starts."""
    with pytest.raises(JobFileError, match=r"evaluation.metrics: ndcg needs data.group"):
        yarnml.fit({"a": [1.0, 2.0], "y": [1.0, 2.0]}, label="y", learner="mlp", evaluation={"metrics": ["ndcg"]},
                   test={"a": [1.0], "y": [1.0]})  # fmt: skip


def test_folds_are_judged_by_groups() -> None:
    """A cross-validation can choose by a metric of groups, also where some rows have weight 0."""
    random = np.random.default_rng(1)
    a = random.normal(size=90)
    frame = {"a": a, "b": random.normal(size=90), "query": ["x", "y", "z"] * 30, "w": (np.arange(90) % 4 > 0) * 1.0}
    model = yarnml.fit(
        frame | {"y": np.maximum(a, 0)},
        label="y",
        weight="w",
        group="query",
        learner={"kind": "linear", "solver": "normal"},
        search={"folds": 3, "over": {"learner.l2": [0.0, 1.0]}, "metric": "ndcg"},
    )
    assert model.outcome
    assert model.outcome.metrics["folds"]["ndcg"] == pytest.approx(1, abs=0.02)
