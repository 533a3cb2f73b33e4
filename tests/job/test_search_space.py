"""Searches: the candidates that they try, and those that they refuse."""

from typing import Any

import numpy as np
import pytest

from tests.preparing import passes, plan, step
from yarnml.data.plan import fold_of
from yarnml.errors import JobFileError
from yarnml.job.load import load_job, with_values
from yarnml.job.search_space import draw_candidates
from yarnml.job.spec import Job, Range, Search

DATA = {"train": "x.csv", "features": ["x"], "label": "y"}


def job(search: dict[str, Any], **sections: Any) -> Job:
    return load_job({"name": "job", "data": DATA, "learner": {"kind": "logistic"}, "search": search} | sections)


def test_a_grid_is_all_combinations() -> None:
    """Every combination of values once, the last field changing first; without fields the job as it is."""
    candidates = draw_candidates(Search(over={"learner.l2": [0, 1], "learner.hidden": [[8], []]}), 0)
    assert [list(values.values()) for values in candidates] == [[0, [8]], [0, []], [1, [8]], [1, []]]
    assert draw_candidates(Search(folds=3), 0) == [{}]


def test_random_draws() -> None:
    """Draws lie in their ranges, whole where both ends are, even on their scale, never twice; the seed decides them."""
    over: dict[str, list[Any] | Range] = {
        "a": Range(low=1e-4, high=1.0, scale="log"),
        "b": Range(low=0, high=9),
        "c": Range(low=1, high=100, scale="log"),
        "d": ["x", "y"],
    }
    search = Search(over=over, method="random", candidates=400)
    candidates = draw_candidates(search, 0)
    a, b, c, d = ([values[name] for values in candidates] for name in "abcd")
    assert len(candidates) == 400
    assert np.histogram(np.log10(a), 4, (-4, 0))[0] == pytest.approx(100, abs=40)
    assert {*b} == {*range(10)}
    assert 120 < sum(value <= 10 for value in c) < 280
    assert {*map(type, c)} == {int}
    assert {*d} == {"x", "y"}
    assert draw_candidates(search, 0) == candidates
    assert draw_candidates(search, 1) != candidates
    assert draw_candidates(Search(over={"d": ["x", "y"]}, method="random"), 0) in (
        [{"d": "x"}, {"d": "y"}],
        [{"d": "y"}, {"d": "x"}],
    )


def test_usual_epochs_follow() -> None:
    """A job that trains for its learner's usual epochs does so with other values, too; one that says how many stays."""
    boosting = {"kind": "boosting", "trees": 10}
    usual = job({"folds": 2}, learner=boosting)
    fixed = job({"folds": 2}, learner=boosting, training={"epochs": 60})
    longer = with_values(usual, {"learner.trees": 20}).training.epochs - usual.training.epochs
    assert longer == 10
    assert with_values(fixed, {"learner.trees": 20}).training.epochs == 60
    assert with_values(usual, {"learner.trees": 2, "training.epochs": 30}).training.epochs == 30


@pytest.mark.parametrize(
    ("search", "sections", "words"),
    [
        ({}, {}, "search needs folds, over or both"),
        ({"folds": 1}, {}, r"search\.folds must be a whole number >= 2"),
        ({"over": {"learner.l2": [0]}}, {}, r"search needs folds, or data\.validation"),
        ({"folds": 2}, {"data": DATA | {"validation": 0.2}}, r"search\.folds and data\.validation both say"),
        ({"folds": 2}, {"training": {"early_stopping": {}}, "data": DATA | {"test": "t.csv"}}, "no rows to stop by"),
        ({"folds": 2, "over": {"training.early_stopping.patience": [1]}}, {}, "no rows to stop by"),
        (
            {"folds": 2, "over": {"data.scale": ["none"]}},
            {},
            r"data\.scale can't be searched; what can are fields of lea",
        ),
        ({"folds": 2, "over": {"workers.count": [1]}}, {}, r"workers\.count can't be searched"),
        ({"folds": 2, "over": {"training.seed": [1]}}, {}, r"training\.seed can't be searched"),
        ({"folds": 2, "over": {"learner.kind": ["svm"]}}, {}, r"learner\.kind can't be searched"),
        ({"folds": 2, "over": {"learner": [{}]}}, {}, "learner can't be searched"),
        (
            {"folds": 2, "over": {"learner.l3": [0]}},
            {},
            r"search\.over: learner has an unknown key 'l3'\. Valid keys: kind, solver",
        ),
        (
            {"folds": 2, "over": {"learner.l2": [0, "a"]}},
            {},
            r"search\.over: learner\.l2 must be a number, not str 'a'",
        ),
        (
            {"folds": 2, "over": {"learner.l2": [-1]}},
            {},
            r"search\.over: learner\.l2 must be a number >= 0\.0, not int -1",
        ),
        ({"folds": 2, "over": {"learner.l2": []}}, {}, r"learner\.l2 needs one value or more"),
        ({"folds": 2, "over": {"learner.l2": 1}}, {}, r"Every value of search\.over must be"),
        ({"folds": 2, "over": {"learner.l2": {"from": 0, "to": 1}}}, {}, r"is a range, .* set method: random"),
        ({"folds": 2, "over": {"learner.l2": {"from": 0, "till": 1}}}, {}, r"learner\.l2 has an unknown key 'till'"),
        (
            {"folds": 2, "over": {"learner.l2": {"to": 1}}},
            {},
            r"A mapping in search\.over needs from, which is missing",
        ),
        (
            {"folds": 2, "over": {"learner.l2": {"from": "a", "to": 1}}},
            {},
            r"Every from of search\.over must be a whole",
        ),
        (
            {"folds": 2, "over": {"learner.l2": {"from": 0, "to": 1, "scale": "e"}}},
            {},
            r"scale of search\.over must be 'lin",
        ),
        (
            {"folds": 2, "method": "random", "over": {"learner.l2": {"from": 0, "to": 1, "scale": "log"}}},
            {},
            r"learner\.l2 must go from a number to a larger one, .* above 0, not from 0 to 1",
        ),
        ({"folds": 2, "over": {"learner.solver": ["newton"]}}, {"training": {"batch_size": 9}}, "must be full, not 9"),
        (
            {"folds": 2, "over": {"learner.optimizer": [{}], "learner.optimizer.kind": ["sgd"]}},
            {},
            r"learner\.optimizer and learner\.optimizer\.kind set the same thing",
        ),
        (
            {"folds": 2, "over": {"learner.l2": [*range(40)], "learner.l1": [*range(40)]}},
            {},
            "1600 candidates, more than",
        ),
        ({"folds": 2, "metric": "F one"}, {}, r"search\.metric must be the name of a metric"),
    ],
)
def test_refused_searches(search: dict[str, Any], sections: dict[str, Any], words: str) -> None:
    """A search that can't be made is refused before anything starts, in one sentence with the field's path."""
    with pytest.raises(JobFileError, match=words):
        job(search, **sections)


def test_preparation_learns_from_the_rows_that_count(tmp_path: Any) -> None:
    """A step of data.prepare learns in a fold without the rows that are held out."""
    x = np.arange(200, dtype=float)
    x[::10] = np.nan
    columns = {"x": [None if np.isnan(v) else v for v in x], "y": [0, 1] * 100}
    data = plan(tmp_path, columns, [step("impute", "x")])
    whole = passes(data).features[0].steps[0].value
    assert whole == pytest.approx(np.nanmean(x))
    means = []
    for fold in range(4):
        one = fold_of(data, job({"folds": 4}), fold)
        means.append(passes(one).features[0].steps[0].value)
    assert len({*means}) == 4
    assert whole not in means
