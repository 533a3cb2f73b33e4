"""The benchmarks, in short form: what they count is counted right, and what they compare is the same work."""

import re
import shlex
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import yarnml
from benchmarks import clicks, passes, ratings, tables
from benchmarks.__main__ import cli
from benchmarks.boosting import auc
from benchmarks.clicks import Clicks
from benchmarks.costs import (
    Effort,
    Efforts,
    Measured,
    Point,
    fit,
    handled,
    loads,
    on_hosts,
    on_one_machine,
    relays,
    way,
)
from benchmarks.crowd import crowd
from benchmarks.default_losses import LOSSES
from benchmarks.default_peers import autoregression
from benchmarks.default_tables import windows
from benchmarks.defaults import halves
from benchmarks.formats import LIBRARIES, plan_of
from benchmarks.measure import Column, report
from benchmarks.peers.process import Peer, once, present
from benchmarks.peers.sparse import by_loop
from benchmarks.peers.sparse_spark import write
from benchmarks.ratings import Ratings
from benchmarks.seeding import candidates
from benchmarks.sparse_targets import LOOP, ONE, VW, compared
from benchmarks.tables import Table
from tests.tiers import cases
from yarnml.reduce.chunks import CHUNK_ELEMENTS

ROOT = Path(__file__).parents[2]
EFFORTS = Efforts(Effort(2e-4, 5e-5, 1e-9), Effort(1e-4, 3e-5, 2e-9), 5e-4)
GRID = [
    Point(w, r, n, k) for w in (1, 2, 4, 8, 16) for r in (0, 1, 2) for n in (1000, 2 * CHUNK_ELEMENTS) for k in (1, 2)
]


@pytest.mark.long
@pytest.mark.parametrize("flight", cases([False, True], [True]))
def test_the_transport_counts_what_the_model_says(flight: bool) -> None:
    """Messages and bytes of all workers: reducers in them and apart, one chunk and several, one level and two."""
    points = [
        Point(1, 0, 10),
        Point(2, 0, 10),
        Point(3, 0, 3 * CHUNK_ELEMENTS),
        Point(1, 1, 10),
        Point(3, 2, 3 * CHUNK_ELEMENTS + 1),
    ]
    points += [Point(4, 0, 2 * CHUNK_ELEMENTS + 1, 2), Point(4, 2, 10, 2)]
    with crowd(points, flight=flight) as processes:
        for point in points:
            block = processes.run(point, 0.02)
            said = tuple(point.workers * load for load in handled(point))
            assert (block.messages, block.bytes) == pytest.approx(said), point
            assert (block.reducer > 0) == (point.reducers > 0)


def test_efforts_are_found_again() -> None:
    """Fitted to points that were made with known efforts, the model says of other points what these efforts say."""

    def made(point: Point) -> Measured:
        of = loads(point)
        count = point.reducers or point.workers
        reducing = way(point).slices / count * EFFORTS.reducer.of(of.reducer)
        relaying = relays(point) / point.workers * EFFORTS.reducer.of(of.relay)
        worker = EFFORTS.worker.of(handled(point)) + relaying
        return (
            Measured(EFFORTS.trip, worker, reducing) if point.reducers else Measured(EFFORTS.trip, worker + reducing, 0)
        )

    fitted = fit({point: made(point) for point in GRID if point.workers <= 8})
    for point in GRID:
        assert on_one_machine(point, fitted, 2) == pytest.approx(on_one_machine(point, EFFORTS, 2), rel=0.01)


@given(st.integers(2, 500), st.integers(0, 8), st.integers(1, 10**7), st.sampled_from([1, 2]))
@settings(deadline=None)
def test_what_workers_send_reducers_receive(workers: int, reducers: int, elements: int, levels: int) -> None:
    """Every message has two ends: the loads of both roles add up to the same, on each level."""
    point = Point(workers, reducers, elements, levels)
    roles = loads(point)
    between = relays(point)
    for worker, relay, upward, above in zip(*roles, strict=True):
        assert worker * workers == pytest.approx(relay * between if between else above * way(point).slices)
        assert upward * between == pytest.approx(above * way(point).slices if between else 0)


def test_the_bottleneck_is_named() -> None:
    """The model names the slowest part, and a second level helps where a reducer has too many to listen to."""
    large = Point(100, 8, 10**7)
    small = Point(1000, 1, 1000)
    assert on_hosts(large, EFFORTS, link=1e6).bottleneck == "a reducer's link"
    assert on_hosts(small, EFFORTS, link=1e12).bottleneck == "a reducer's processor"
    slow_worker = EFFORTS._replace(worker=Effort(1.0, 0.0, 0.0))
    assert on_hosts(small, slow_worker, link=1e12).bottleneck == "a worker's processor"
    in_two = on_hosts(small._replace(levels=2), EFFORTS, link=1e12)
    assert in_two.seconds < on_hosts(small, EFFORTS, link=1e12).seconds / 5


def test_ratios_are_taken_round_by_round(capsys: pytest.CaptureFixture[str]) -> None:
    """A machine that is twice as slow in one round changes no ratio."""
    report({"limit": [1.0, 2.0, 1.0], "peer": [4.0, 8.0, 4.0]}, [Column("s", lambda s: s, compared=True)], "limit")
    assert "peer   4 (4-8)  0.25\n" in capsys.readouterr().out


def test_who_is_not_installed_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """A peer without its package or command is left out with a line that names both; the others stay."""
    peers = {
        "one": Peer("step", [], needs=["numpy"]),
        "two": Peer("step", [], needs=["no_such_package", "/no-command"]),
    }
    assert list(present(peers)) == ["one"]
    assert "two is left out: not installed: no_such_package, /no-command" in capsys.readouterr().out


@pytest.mark.long
def test_peers_do_the_same_work() -> None:
    """yarnml, JAX and scikit-learn come to the same loss by as many iterations of L-BFGS over the same rows."""
    table = Table(4000, 6)
    train = str(tables.write(table))
    ways = [once(Peer("logistic", [way, table.code, "6"])) for way in ("jax", "sklearn")]
    answers = [passes.fit(table, train, 6), *(way() for way in ways)]
    assert [answer["iterations"] for answer in answers] == [6, 6, 6]
    assert [answer["loss"] for answer in answers] == pytest.approx([answers[0]["loss"]] * 3, rel=0.02)
    assert min(answer["evaluations"] for answer in answers) >= 6


@pytest.mark.long
def test_peers_learn_clicks_equally_well() -> None:
    """A loop row by row and yarnml in steps have about the same area under the curve on rows of 39 keys."""
    table = Clicks(16_000)
    folder = clicks.write(table)
    train, test = (pq.read_table(folder / part) for part in ("train", "test"))
    assert len(train) == table.train_rows
    model = yarnml.fit(
        train, label="label", features=table.features, learner="sparse_linear",
        data={"prepare": [{"kind": "key", "columns": table.features, "bits": 22}]},
        training={"epochs": 2, "batch_size": 500},
    )  # fmt: skip
    score = model.predict_proba(test)[:, 1]
    area = auc(test["label"].to_numpy(), score)
    assert area > 0.6
    assert area == pytest.approx(by_loop(table, 2)["auc"], abs=0.01)


def test_rows_as_spark_keeps_them(tmp_path: Path) -> None:
    """The keys of a row are ascending, each once; one that the row has twice counts twice."""
    write(tmp_path / "rows", np.array([[5, 2, 9], [7, 3, 7]]), np.array([1, 0]), 10)
    vectors = pq.read_table(tmp_path / "rows").column("features").to_pylist()
    assert vectors[0] == {"type": 0, "size": 10, "indices": [2, 5, 9], "values": [1.0, 1.0, 1.0]}
    assert vectors[1] == {"type": 0, "size": 10, "indices": [3, 7], "values": [1.0, 2.0]}


def test_synthetic_ratings() -> None:
    """Ratings are as many as asked for, by user, each pair once; scores of 1 for the pairs held back find them all."""
    table = Ratings(20_000, 512)
    ratings.write(table)
    user, item, amount = ratings.read(table.train)
    held = ratings.read(table.folder / "held")
    pairs = np.concatenate([np.stack([user, item]), np.stack(held[:2])], axis=1)
    assert len(user) == 20_000
    assert len(np.unique(pairs, axis=1).T) == len(pairs.T) == 20_200
    assert (np.diff(user) >= 0).all()
    assert set(amount) == {1, 2, 3, 4, 5}
    scores = np.zeros((table.users, 512))
    scores[held[0], held[1]] = 1
    assert ratings.recall(table, scores, np.eye(512)) == 1
    assert ratings.recall(table, -scores, np.eye(512)) == 0


def test_rounds_of_kmeans_pick_rows_that_stand_for_all() -> None:
    """The picks of k-means|| are rows, each of which counts for those nearest to it."""
    x = np.random.default_rng(0).normal(size=(500, 3)).astype(np.float32)
    points, weight = candidates(x, 4, np.random.default_rng(1))
    assert weight.sum() == 500
    assert len(weight) == len(points) > (weight > 0).sum() > 4
    assert {tuple(p) for p in points[weight > 0]} <= {tuple(row) for row in x}


def test_the_area_under_the_curve() -> None:
    """It is the share of pairs in the right order."""
    assert auc(np.array([0, 1, 0, 1, 1]), np.array([0.1, 0.2, 0.3, 0.4, 0.5])) == pytest.approx(5 / 6)


def shown() -> list[tuple[str, str]]:
    """Every ``python -m benchmarks …`` in the documents, by its page."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), ROOT / "Makefile"]
    pattern = re.compile(r"python -m benchmarks(?!\.) ?([^`\n]*)")
    return [(page.name, words) for page in pages for words in pattern.findall(page.read_text())]


@pytest.mark.parametrize(("page", "words"), shown())
def test_commands_in_the_documents_exist(page: str, words: str) -> None:
    """Names and options of benchmarks in the documents are those that there are."""
    rest = [word for word in shlex.split(words) if word != "--help"]
    while rest:
        name, *options = rest
        assert name in cli.commands, f"{page}: {words}"
        rest = cli.commands[name].make_context(name, options, allow_extra_args=True, allow_interspersed_args=False).args


@pytest.mark.parametrize("name", LIBRARIES)
def test_formats_hold_the_same_rows(name: str, tmp_path: Path) -> None:
    """A format's library reads again what it writes, and a job on the file has as many rows."""
    table = pa.table({"f0": pa.array([0.5, 1.5, 2.5], pa.float32()), "label": pa.array([0, 1, 0], pa.int8())})
    LIBRARIES[name].save(table, tmp_path / f"rows.{name}")
    assert len(LIBRARIES[name].scan(tmp_path / f"rows.{name}")) == 3
    assert plan_of(tmp_path / f"rows.{name}", ["f0"]).datasets["train"].rows == 3


def test_series_are_held_out_by_time() -> None:
    """No label that is judged is among those that are learnt; statsmodels' autoregression is better than the mean."""
    taught, held = halves(windows("sunspots", ["SUNACTIVITY"], 33, 12)(), 0)
    first = halves(windows("sunspots", ["YEAR"], 33, 12)(), 0)
    assert first[0].y.max() < first[1].y.min()
    constant = np.broadcast_to(taught.y.mean(axis=0), held.y.shape)
    assert LOSSES["squared"](held, autoregression().fit(taught).outputs(held.x)) < LOSSES["squared"](held, constant)


def test_targets_of_keys() -> None:
    """A target is a ratio of medians by one field of two rows; a row that was left out is not measured."""
    yarnml, wabbit = ({"seconds": s, "first": f, "auc": auc} for s, f, auc in ((2.0, 4.0, 0.7), (5.0, 5.0, 0.7004)))
    lines = {line[0]: line[1] for line in compared({"ftrl": {ONE: [yarnml], VW: [wabbit, wabbit]}, "dlrm": {ONE: []}})}
    assert lines[f"ftrl: {ONE} by {VW}"] == "2.5"
    assert lines[f"ftrl: {ONE} by {VW}, first epoch"] == "1.25"
    assert lines[f"ftrl: AUC, distance from {VW}"] == "0.0004"
    assert lines[f"ftrl: {ONE} by {LOOP}"] == lines[f"dlrm: {ONE} by torch"] == "-"
