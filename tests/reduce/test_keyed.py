"""Sums by key: the bits of one process, whoever adds, and nothing of a table's size on the way."""

from itertools import pairwise

import numpy as np
import pytest

from tests.reduce.allreduces import check_sums, connected
from yarnml.control.credentials import Credentials
from yarnml.reduce.connections import arrow_bytes, sockets
from yarnml.reduce.keyed import KeyedVector, bytes_of, run_of, sent_bytes
from yarnml.sparse.run import Run, merge


def leaf(step: int, shard: int) -> KeyedVector:
    """A shard's sums at a step: some keys are in all shards, some in one, and shard 3 has none."""
    random = np.random.default_rng([step, shard])
    common = np.random.default_rng(step).integers(0, 2**64, 300, np.uint64)
    keys = np.unique(np.concatenate([common[::2], random.integers(0, 2**64, 200, np.uint64)]))[
        : 0 if shard == 3 else None
    ]
    scale = np.float32(10.0 ** (shard % 5))
    values = random.normal(size=(len(keys), 3)).astype(np.float32) * scale
    return KeyedVector(random.normal(size=5).astype(np.float32) * scale, Run(keys, values))


@pytest.mark.parametrize(("workers", "dedicated", "levels"), [(1, 2, 1), (2, 0, 1), (3, 2, 1), (5, 0, 2), (4, 2, 2)])
def test_every_worker_gets_the_bits_of_one(workers: int, dedicated: int, levels: int, credentials: Credentials) -> None:
    """Any number of workers and reducers, in one level or two, gives the total of one process, to the bit."""
    with connected(workers, dedicated, credentials=credentials, levels=levels) as (allreduces, *_):
        check_sums(allreduces, leaf)


def test_long_sums(credentials: Credentials, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of more bytes than travel in one piece, or get memory before they come, come whole."""
    monkeypatch.setattr(arrow_bytes, "PIECE_BYTES", 1000)
    monkeypatch.setattr(sockets, "UNSEEN_BYTES", 1000)
    with connected(2, 1, credentials=credentials) as (allreduces, *_):
        check_sums(allreduces, leaf)


def test_only_keys_that_came_travel() -> None:
    """A worker sends 8 bytes for a key and 4 for a number, whatever keys there might be, and as few messages."""
    with connected(2, 0) as (allreduces, *_):
        check_sums(allreduces, leaf, steps=1)
        all_bytes = sum(leaf(0, shard).nbytes for shard in range(5))
        assert 0 < sum(allreduce.sent.bytes for allreduce in allreduces) < all_bytes
        assert all(allreduce.sent.messages <= 4 for allreduce in allreduces)


def test_the_parts_of_a_value() -> None:
    """A value cut anywhere is its vector and its run again."""
    value = leaf(0, 1)
    total = value.empty_like()
    bounds = [0, 5, 6, 1000, 40_000, len(value)]
    for low, high in reversed(list(pairwise(bounds))):
        total.put(low, value[low:high])
    assert np.array_equal(total.dense, value.dense)
    assert all(np.array_equal(a, b) for a, b in zip(total.run, value.run, strict=True))


@pytest.mark.parametrize(("bits", "size"), [(64, 8), (33, 8), (32, 4), (24, 4)])
def test_a_run_as_bytes(bits: int, size: int) -> None:
    """A run comes back from its bytes, 4 for a key of up to 32 bits; a number of them that can't be one is refused."""
    run = merge(leaf(0, 0).run, leaf(0, 1).run)
    mask = np.uint64(2**64 - 2 ** (64 - bits))
    run = run._replace(keys=(run.keys & mask) | np.uint64(2 ** (64 - bits)))
    data = bytes_of(run)
    assert data.nbytes == sent_bytes(run) == len(run.keys) * (size + 4 * 3)
    back = run_of(data, len(run.keys), 3)
    assert all(np.array_equal(a, b) for a, b in zip(back, run, strict=True))
    with pytest.raises(ValueError, match="are no run of 4 keys with 3 numbers each"):
        run_of(data, 4, 3)
