"""The reducer: any arrival, first delivery, bounded memory, waits that end."""

import random
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from yarnml.errors import WorkerLost
from yarnml.reduce.chunks import CHUNK_ELEMENTS, chunk_bounds, slice_bounds
from yarnml.reduce.reducer import Reducer, StepExpired, StepKey
from yarnml.reduce.tree import Join, Node
from yarnml.reduce.wire import Part


def part(step: int, shard: int, shards: int, chunk: int = 0, chunks: int = 1) -> Part:
    return Part(1, step, shards, 0, shard, chunk, chunks, "<f4")


def value(step: int, shard: int, chunk: int = 0) -> np.ndarray:
    return np.random.default_rng([step, shard, chunk]).normal(size=4).astype(np.float32)


def expected(step: int, shards: int, chunk: int = 0) -> bytes:
    join = Join(shards)
    for shard in range(shards):
        join.add(Node(0, shard), value(step, shard, chunk))
    assert join.total is not None
    return join.total.tobytes()


@given(st.integers(1, 6), st.integers(1, 3), st.integers(1, 4), st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_same_totals_for_concurrent_workers(shards: int, chunks: int, steps: int, order: random.Random) -> None:
    """Workers that deliver from their own threads, with repeats, all read the totals of the tree's definition."""
    reducer = Reducer()
    read = {}

    def worker(shard: int, seed: int) -> None:
        order_of_parts = random.Random(seed)
        for step in range(steps):
            parts = list(range(chunks)) * order_of_parts.choice([1, 2])
            order_of_parts.shuffle(parts)
            for chunk in parts:
                reducer.add(part(step, shard, shards, chunk, chunks), value(step, shard, chunk))
            for chunk in range(chunks):
                read[shard, step, chunk] = reducer.total(StepKey(1, step), chunk, 10).tobytes()

    threads = [threading.Thread(target=worker, args=(s, order.random())) for s in range(shards)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert read == {
        (s, t, c): expected(t, shards, c) for s in range(shards) for t in range(steps) for c in range(chunks)
    }


def test_memory_does_not_grow_with_steps() -> None:
    """However many steps pass, a reducer holds the totals of the newest one and what has arrived of the next."""
    reducer = Reducer()
    held = set()
    for step in range(200):
        for shard in range(3):
            reducer.add(part(step, shard, 3), value(step, shard))
        reducer.total(StepKey(1, step), 0, 1)
        held.add(reducer.held_bytes)
    assert held == {value(0, 0).nbytes}


def test_a_delay_keeps_totals_that_somebody_may_ask_for() -> None:
    """With a delay of 2 the totals of the last three steps stay, also where a later step is done first."""
    reducer = Reducer()
    for step in (1, 0, 2, 3):
        late = replace(part(step, 0, 1), delay=2)
        reducer.add(late, value(step, 0))
    assert [reducer.total(StepKey(1, step), 0, 1).tobytes() for step in (1, 2, 3)] == [
        expected(s, 1) for s in (1, 2, 3)
    ]
    with pytest.raises(StepExpired):
        reducer.total(StepKey(1, 0), 0, 1)
    assert reducer.wait(StepKey(1, 0), 0.0)
    assert not reducer.wait(StepKey(1, 4), 0.0)


def test_late_parts_are_dropped_and_counted() -> None:
    """Parts of a step that is over, or that were delivered before, change nothing."""
    reducer = Reducer()
    for step in (0, 1):
        reducer.add(part(step, 0, 1), value(step, 0))
    reducer.add(part(0, 0, 1), value(0, 0))
    reducer.add(part(1, 0, 1), value(5, 5))
    assert reducer.dropped_parts == 2
    assert reducer.total(StepKey(1, 1), 0, 1).tobytes() == expected(1, 1)


def test_a_wait_ends_with_the_missing_shards() -> None:
    """A total that does not come in time is an error that names the step and the shards it waits for."""
    reducer = Reducer()
    reducer.add(part(7, 1, 4), value(7, 1))
    with pytest.raises(WorkerLost, match=r"Step 7 waits for shards \[0, 2, 3\]"):
        reducer.total(StepKey(1, 7), 0, 0.05)
    assert reducer.missing_shards(StepKey(1, 7)) == [0, 2, 3]


def test_closing_wakes_who_waits() -> None:
    """Whoever waits when a reducer is closed gets its reason at once."""
    reducer = Reducer()
    threading.Timer(0.05, reducer.close, ["because of the test"]).start()
    with pytest.raises(WorkerLost, match="because of the test"):
        reducer.total(StepKey(1, 0), 0, 30)


@given(st.integers(0, 5 * CHUNK_ELEMENTS), st.integers(1, 9))
def test_slices_and_chunks_cover_the_vector(length: int, slices: int) -> None:
    """Slices follow each other without gaps, chunks within them too, and none exceeds the chunk size."""
    at = 0
    for low, high in slice_bounds(length, slices):
        assert low == at
        for start, end in chunk_bounds(low, high):
            assert start == at
            assert end - start <= CHUNK_ELEMENTS
            at = end
        assert at == high
    assert at == length
