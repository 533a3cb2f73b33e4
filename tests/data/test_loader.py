"""The loader: batches of an epoch, full passes, bounded memory, splits."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from tests.data.tables import NUMBERED_ROWS, loader_of, parquet, plan, read, same, without_padding, write_parquet
from yarnml.data.base import Split
from yarnml.data.batches import concatenate
from yarnml.data.loader import Loader
from yarnml.data.plan import Plan
from yarnml.data.schema import Rows
from yarnml.data.shuffled import READ_THREAD


def epoch_of(
    loader: Loader, shards: int, batch: int, *, seed: int = 0, epoch: int = 0, shuffle_rows: int = 20
) -> Iterator[Rows]:
    """The batches of an epoch, step by step, shard by shard."""
    steps = loader.steps(batch)
    for step in range(steps):
        for shard in range(shards):
            yield loader.batch(shard, seed, epoch, step, steps, shuffle_rows)


def numbers(batches: Iterator[Rows]) -> npt.NDArray[np.float32]:
    return np.concatenate([without_padding(rows).x[:, 0] for rows in batches])


@pytest.mark.parametrize("shards", [1, 2, 3, 7])
@pytest.mark.parametrize("batch", [1, 10, 64, 1000])
def test_an_epoch_is_every_row_once(numbered: Plan, shards: int, batch: int) -> None:
    """In every epoch each row is in one batch with its label and weight; padding has weight 0; shapes never change."""
    loader = loader_of(numbered, shards)
    for epoch in range(2):
        batches = list(epoch_of(loader, shards, batch, epoch=epoch))
        assert len({rows.x.shape for rows in batches}) == 1
        rows = concatenate([without_padding(b) for b in batches], numbered.schema)
        assert sorted(rows.x[:, 0]) == list(range(NUMBERED_ROWS))
        assert np.array_equal(rows.y, rows.x[:, 0] / 2)
        assert np.array_equal(rows.weight, 1 + rows.x[:, 0] % 3)
        steps = [
            sum(int((b.weight > 0).sum()) for b in batches[at : at + shards]) for at in range(0, len(batches), shards)
        ]
        assert max(steps) <= max(batch, shards)


def test_batches_do_not_depend_on_the_cache(numbered: Plan) -> None:
    """Any cache limit, a second loader, and any order of asking give identical batches."""
    expected = list(epoch_of(loader_of(numbered, 3), 3, 12, epoch=4))
    for cache in (0, 100, 400):
        loader = loader_of(numbered, 3, cache)
        list(epoch_of(loader, 3, 12, epoch=1))
        assert all(same(a, b) for a, b in zip(expected, epoch_of(loader, 3, 12, epoch=4), strict=True))
    backwards = []
    loader = loader_of(numbered, 3, 200)
    steps = loader.steps(12)
    for step in reversed(range(steps)):
        backwards += [loader.batch(shard, 0, 4, step, steps, 20) for shard in (2, 1, 0)]
    assert all(same(a, b) for a, b in zip(expected, reversed(backwards), strict=True))


def wait_for_read_ahead() -> None:
    """Wait until every block that is being read ahead is in memory, so that what a loader holds hangs on no timing."""
    for thread in threading.enumerate():
        if thread.name == READ_THREAD:
            thread.join()


def test_memory_is_bounded(tmp_path: Path) -> None:
    """A loader holds at most the cache limit, and per shard two blocks and an order, whatever the size of the data."""
    highest = []
    for rows in (2_000, 20_000):
        path = f"{tmp_path}/{rows}.parquet"
        write_parquet(path, {"x": np.arange(rows) * 1.0, "y": np.arange(rows) * 1.0}, 100)  # type: ignore[dict-item]
        loader = loader_of(plan(path), 2, cache=8_000)
        row_bytes = 12
        order_bytes = 8
        held = []
        for epoch in range(2):
            for _ in epoch_of(loader, 2, 256, epoch=epoch, shuffle_rows=300):
                wait_for_read_ahead()
                held.append(loader.bytes_held)
        for shard in range(2):
            for _ in loader.scan(shard):
                held.append(loader.bytes_held)
        assert 0 < max(held) <= 8_000 + 2 * 300 * (2 * row_bytes + order_bytes)
        highest.append(max(held))
    assert highest[1] <= 1.1 * highest[0]


def test_the_cache_saves_reading(numbered: Plan) -> None:
    """With room for everything each row is read once; without, again in every epoch."""
    roomy = loader_of(numbered, 2)
    tight = loader_of(numbered, 2, cache=0)
    for loader in (roomy, tight):
        for epoch in range(3):
            list(epoch_of(loader, 2, 20, epoch=epoch))
    assert roomy.bytes_read == NUMBERED_ROWS * 12
    assert tight.bytes_read >= 3 * NUMBERED_ROWS * 12


def test_orders_differ(numbered: Plan) -> None:
    """Epochs and seeds have orders of their own, also when one loader serves them in turn."""
    loader = loader_of(numbered, 2)
    orders = {
        tuple(numbers(epoch_of(loader, 2, 10, seed=seed, epoch=epoch))) for seed in range(3) for epoch in range(3)
    }
    assert len(orders) == 9
    again = tuple(numbers(epoch_of(loader_of(numbered, 2), 2, 10, seed=1, epoch=2)))
    assert again == tuple(numbers(epoch_of(loader, 2, 10, seed=1, epoch=2)))


@pytest.mark.parametrize("shards", [1, 2, 5, 200])
def test_a_scan_is_every_row_once_in_order(numbered: Plan, shards: int) -> None:
    """Full passes cover the rows in stored order, in batches of one shape; an empty shard gives one empty batch."""
    loader = loader_of(numbered, shards)
    batches = [list(loader.scan(shard)) for shard in range(shards)]
    assert all(batches)
    assert len({rows.x.shape for shard in batches for rows in shard}) == 1
    assert numbers(rows for shard in batches for rows in shard).tolist() == list(range(NUMBERED_ROWS))


def test_a_scan_for_a_learner_that_holds_keeps_nothing(numbered: Plan) -> None:
    """A scan that keeps nothing empties the cache: rows that the learner keeps in its own way are not kept twice."""
    loader = loader_of(numbered, 1)
    before = numbers(loader.scan(0)).tolist()
    assert loader.bytes_held > 0
    read = loader.bytes_read
    assert numbers(loader.scan(0, keep=False)).tolist() == before
    assert (loader.bytes_held, loader.bytes_read) == (0, read)
    assert numbers(loader.scan(0, keep=False)).tolist() == before
    assert (loader.bytes_held, loader.bytes_read) == (0, 2 * read)


@pytest.mark.parametrize("fraction", [0.1, 0.5, 0.93])
def test_training_and_validation_share_no_row(tmp_path: Path, numbered: Plan, fraction: float) -> None:
    """A split by fraction gives both sides their rows, together each row once; another seed splits otherwise."""
    one, other = (plan(f"{tmp_path}/in", weight="w", validation=fraction, seed=seed) for seed in (0, 1))
    held = [set(read(p, 3, "validation").x[:, 0]) for p in (one, other)]
    kept = set(read(one, 3, "train").x[:, 0])
    assert len(held[0]) == int(NUMBERED_ROWS * fraction)
    assert held[0] != held[1]
    assert held[0] | kept == set(range(NUMBERED_ROWS))
    assert not held[0] & kept
    assert set(numbers(epoch_of(loader_of(one, 2), 2, 8))) == kept


def test_padding_repeats_a_real_row(numbered: Plan) -> None:
    """Padding is a row that a loss can take, with weight 0."""
    loader = loader_of(numbered, 1)
    steps = loader.steps(40)
    rows = next(r for r in (loader.batch(0, 0, 0, step, steps, 20) for step in range(steps)) if not r.weight.all())
    assert np.array_equal(rows.x[rows.weight == 0], np.repeat(rows.x[:1], int((rows.weight == 0).sum()), axis=0))


def test_split_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    """Training data after a split is other data than the whole."""
    path = parquet(tmp_path, x=list(range(10)), y=[0, 1] * 5)
    whole, split = (plan(path, **fields).datasets["train"] for fields in ({}, {"validation": 0.5}))
    assert split.split == Split(0, 0.5, False)
    assert whole.fingerprint != split.fingerprint
