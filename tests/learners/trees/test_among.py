"""Objectives among rows: gradients are those of their equations and of statsmodels, wherever the rows lie."""

import copy
from itertools import combinations
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from msgspec.structs import replace

import yarnml
from tests.learners.kinds import schema
from yarnml.errors import DataError, ExportError, JobFileError
from yarnml.job.learners import Boosting
from yarnml.job.load import load_any
from yarnml.job.metrics import check_metric
from yarnml.learners.base import Batch, PlacedBatch
from yarnml.learners.named_arrays import copied_to_host
from yarnml.learners.registry import build_learner
from yarnml.learners.trees.cox import Cox
from yarnml.learners.trees.ranking import TRUNCATION, LambdaRank
from yarnml.learners.trees.table import Table
from yarnml.runner import run_any

Array = np.ndarray[Any, Any]


@pytest.fixture(scope="module")
def transport() -> dict[str, Array]:
    """The ways of travelling that 210 people had, four each, and which they took; a person's rows lie apart."""
    table = pytest.importorskip("statsmodels.datasets").modechoice.load_pandas().data
    order = np.random.default_rng(0).permutation(len(table))
    return {name: table[name].to_numpy(np.float64)[order] for name in ["individual", "choice", "ttme", "invt", "gc"]}


@pytest.fixture(scope="module")
def hearts() -> tuple[Array, Array, Array]:
    """The age of patients after a transplant, the days that they lived, and whether they were seen to die."""
    table = pytest.importorskip("statsmodels.datasets").heart.load_pandas().data
    return tuple(table[name].to_numpy(np.float64) for name in ["age", "survival", "censors"])  # type: ignore[return-value]


def by_equation(score: Array, label: Array) -> tuple[Array, Array]:
    """The gradients of one group: Burges (2010), pair by pair."""
    order = sorted(range(len(score)), key=lambda row: -score[row])
    place = {row: number for number, row in enumerate(order)}
    ideal = sum(gain / np.log2(number + 2) for number, gain in enumerate(sorted(label, reverse=True)))
    first = np.zeros(len(score))
    second = np.zeros(len(score))
    for a, b in combinations(range(len(score)), 2):
        if label[a] == label[b] or min(place[a], place[b]) >= TRUNCATION:
            continue
        better, worse = (a, b) if label[a] > label[b] else (b, a)
        discounts = [1 / np.log2(place[row] + 2) for row in (a, b)]
        change = abs((label[a] - label[b]) * (discounts[0] - discounts[1])) / ideal
        share = 1 / (1 + np.exp(score[better] - score[worse]))
        first[better] -= share * change
        first[worse] += share * change
        second[[a, b]] += share * (1 - share) * change
    return first, second


def test_the_gradients_of_groups_are_those_of_the_equations() -> None:
    """Groups of several sizes, one longer than the places that count; rows without weight; some of the rows alone."""
    random = np.random.default_rng(0)
    group = random.permutation(np.repeat([7, 8, 9, 1 << 40], [3, 45, 1, 20]))
    score = random.normal(size=len(group))
    label = random.integers(0, 4, len(group)).astype(float)
    weight = np.where(random.random(len(group)) < 0.9, 2.0, 0.0)
    counts = weight > 0
    first, second = np.zeros((2, len(group)))
    for number in np.unique(group[counts]):
        rows = counts & (group == number)
        first[rows], second[rows] = by_equation(score[rows], label[rows])
    size = 2 * counts.sum() / len(np.unique(group[counts]))  # and the weight of 2
    places = np.flatnonzero(counts)[10:30]
    slopes = LambdaRank().slopes(Table(score, label, weight, group), places)
    np.testing.assert_allclose(slopes.first, size * first[places], atol=1e-12)
    np.testing.assert_allclose(slopes.second, size * second[places], atol=1e-12)


def test_the_likelihood_of_times_is_that_of_statsmodels(hearts: tuple[Array, Array, Array]) -> None:
    """At any scores the loss is that of Cox's regression, ties by Breslow; gradients are differences nearby."""
    age, days, died = hearts
    models = pytest.importorskip("statsmodels.duration.hazard_regression")
    score = 0.03 * age
    label = np.where(died == 1, days, -days)
    weight = np.ones(len(age))
    places = np.arange(len(age))
    group = np.ones(len(age), np.int64)

    def slopes(shift: Array) -> Any:
        return Cox().slopes(Table(score + shift, label, weight, group), places)

    right = models.PHReg(days, age, died, ties="breslow").loglike(np.array([0.03]))
    zero = slopes(0 * score)
    assert zero.loss == pytest.approx(-right, rel=1e-9)
    for row in (0, 5, 40, 68):
        step = 1e-4 * (places == row)
        above = slopes(step)
        below = slopes(-step)
        assert zero.first[row] == pytest.approx((above.loss - below.loss) / 2e-4, abs=1e-6)
        assert zero.second[row] == pytest.approx((above.first[row] - below.first[row]) / 2e-4, abs=1e-6)


@pytest.mark.parametrize("objective", ["lambdarank", "cox"])
def test_what_is_held_can_be_worked_out_anew(transport: dict[str, Array], objective: Any) -> None:
    """Sums have the same bits from what was held all along, since an earlier pass, and of the rows alone."""
    x = np.column_stack([transport[name] for name in ("ttme", "invt", "gc")])[:200].astype(np.float32)
    y = (transport["choice"] + transport["ttme"] + 1)[:200].astype(np.float32)
    columns = replace(schema(3, ()), rows=200)
    learner: Any = build_learner(Boosting(objective=objective, depth=2, trees=2, bins=15, subsample=0.8), columns)
    halves = [np.arange(0, 200, 2), np.arange(1, 200, 2)]
    shards = [PlacedBatch(x[h], y[h], np.ones(100, np.float32), h, transport["individual"][h]) for h in halves]
    state = copied_to_host(jax.jit(learner.init)(jax.random.key(0)))
    held = [learner.prepare_shard(state, [shard]) for shard in shards]
    for number in range(12):
        if number % 4 == 0:
            earlier = copy.deepcopy(held)
        parts = []
        for k, shard in enumerate(shards):
            anew, _ = learner.map_shard(state, learner.prepare_shard(state, [shard]))
            late, _ = learner.map_shard(state, copy.deepcopy(earlier[k]))
            part, held[k] = learner.map_shard(state, held[k])
            jax.tree.map(np.testing.assert_array_equal, part, anew)
            jax.tree.map(np.testing.assert_array_equal, part, late)
            parts.append(part)
        state, _ = learner.update(state, jax.tree.map(np.add, *parts))
    assert int(state.model.rounds) == 2


@pytest.mark.long
def test_groups_that_cross_shards_are_ranked(transport: dict[str, Array], tmp_path: Path) -> None:
    """A model of three shards is that of one, ranks better than a column does, and its loss is what NDCG lacks of 1."""
    more: dict[str, Any] = {
        "label": "choice",
        "group": "individual",
        "features": ["ttme", "invt", "gc"],
        "learner": {"kind": "boosting", "objective": "lambdarank", "trees": 10, "depth": 3, "learning_rate": 0.3},
        "test": transport,
        "evaluation": {"metrics": ["mrr"]},
    }
    more["export"] = str(tmp_path / "models")
    models = [yarnml.fit(transport, training={"shards": shards}, **more) for shards in (1, 3)]
    np.testing.assert_allclose(*(model.predict(transport) for model in models), rtol=1e-4, atol=1e-6)
    metrics = models[1].outcome.metrics["test"]
    assert metrics["loss"] == pytest.approx(1 - metrics["ndcg"])
    assert metrics["mrr"] > 0.75
    assert metrics.keys() == {"loss", "ndcg", "mrr"}, "scores are not compared with the label"
    rows = tmp_path / "rows.parquet"
    pq.write_table(pa.table(transport), rows)
    section = {"model": str(tmp_path / "models"), "data": str(rows), "output": str(tmp_path / "end.json")}
    job = load_any({"name": "rank", "evaluate": section})
    with pytest.raises(ExportError, match=r"predicts scores, by learner\.objective lambdarank, which are not to be"):
        run_any(job, "inline")
    losses = models[1].outcome.history
    assert losses["epoch_loss"][-1] == pytest.approx(losses["loss"][-2], rel=1e-5)


def test_what_they_are_not_for() -> None:
    """A job without groups, a class, a negative label, a time of 0 and too many rows are refused in one sentence."""
    table = {"a": [1.0, 2.0], "y": [0.5, 1.5]}
    with pytest.raises(JobFileError, match=r"lambdarank needs data\.group, the column that tells groups"):
        yarnml.fit(table, label="y", learner={"kind": "boosting", "objective": "lambdarank"})
    with pytest.raises(JobFileError, match=r"learner\.objective cox is for a number"):
        build_learner(Boosting(objective="cox"), schema(1, (0, 1)))
    with pytest.raises(JobFileError, match=r"cox brings the scores of all rows together, and is for 4194304 of them"):
        build_learner(Boosting(objective="cox"), replace(schema(1, ()), rows=1 << 23))
    for metric in ("rmse", "r2"):
        with pytest.raises(JobFileError, match=f"can be judged by concordance, loss, .*, not by {metric}"):
            check_metric("evaluation.metrics", metric, Boosting(objective="cox").judged_as("number"), 0)
    rows = Batch(np.zeros((1, 1), np.float32), np.zeros(1, np.float32), np.ones(1, np.float32))
    with pytest.raises(DataError, match="cox needs times other than 0, but one is 0"):
        build_learner(Boosting(objective="cox"), schema(1, ())).check(rows)
    with pytest.raises(DataError, match="lambdarank needs labels of 0 or more, but one is -1"):
        build_learner(Boosting(objective="lambdarank"), schema(1, ())).check(rows._replace(y=np.array([-1.0])))
