"""Shards in the form that a learner holds: bounded, the worker's own alone, and nothing of another state."""

import numpy as np

from yarnml.worker.shard_cache import ShardCache

KIB = {"rows": np.zeros(128), "more": (np.zeros(64), np.zeros(64))}  # 2 KiB


def test_what_was_kept_is_taken_once() -> None:
    """A task takes what is held, since it may use it up, and gives back what to hold next."""
    held = ShardCache()
    held.serve([4], 10_000)
    assert held.take(4) is None
    held.keep(4, KIB)
    assert held.nbytes == 2048
    assert held.take(4) is KIB
    assert held.take(4) is None


def test_what_finds_no_room_is_not_kept() -> None:
    """With room for two of three shards, pass after pass the same two are held, and never more than the limit."""
    held = ShardCache()
    held.serve(range(3), 5000)
    for _ in range(3):
        is_kept = []
        for shard in range(3):
            is_kept.append(held.take(shard) is not None)
            held.keep(shard, KIB)
            assert held.nbytes <= 5000
    assert is_kept == [True, True, False]


def test_shards_of_others_are_not_kept() -> None:
    """Neither one that was computed for a late worker, nor one that has gone to another worker since."""
    held = ShardCache()
    held.serve([0, 1], 10_000)
    for shard in (0, 1, 2):
        held.keep(shard, KIB)
    assert held.take(2) is None
    held.serve([1, 2], 10_000)
    assert held.take(0) is None
    assert held.take(1) is KIB


def test_another_state_forgets_all() -> None:
    """After going back to a checkpoint everything is worked out anew."""
    held = ShardCache()
    held.serve([0], 10_000)
    held.keep(0, KIB)
    held.clear()
    assert held.take(0) is None
