"""Placement: balanced, local where it can be, contiguous where bytes do not decide."""

from collections.abc import Mapping
from itertools import pairwise

import hypothesis.strategies as st
from hypothesis import given

from yarnml.data.base import Dataset, File, Group, Split
from yarnml.data.shards import pieces
from yarnml.master.placement import assign, local_share, place, racks, shard_bytes
from yarnml.storage import Block

HOSTS = [f"h{i}" for i in range(5)]
RACKS = {host: f"/r{i % 2}" for i, host in enumerate(HOSTS)}

hosts = st.sampled_from(HOSTS)
crews = st.dictionaries(st.integers(0, 40), hosts, min_size=1, max_size=12)
cuts = st.lists(st.dictionaries(hosts, st.integers(0, 1000), max_size=3), max_size=40)


def located(placed: Mapping[int, list[int]], shards: list[dict[str, int]], workers: Mapping[int, str]) -> int:
    """Bytes on the host of their reader."""
    return sum(shards[s].get(workers[w], 0) for w, run in placed.items() for s in run)


@given(cuts, crews)
def test_every_shard_once_and_balanced(shards: list[dict[str, int]], workers: dict[int, str]) -> None:
    """Every shard has one worker, every worker its list, and no two lists differ by more than one shard."""
    placed = place(shards, RACKS, workers)
    assert sorted(s for run in placed.values() for s in run) == list(range(len(shards)))
    assert placed.keys() == workers.keys()
    assert max(map(len, placed.values())) - min(map(len, placed.values())) <= 1
    assert all(run == sorted(run) for run in placed.values())
    assert place(shards, RACKS, dict(workers)) == placed


@given(st.integers(0, 60), crews)
def test_without_locality(shards: int, workers: dict[int, str]) -> None:
    """The shards lie as `assign` lays them where nothing is known, or everything is everywhere."""
    assert place([{}] * shards, {}, workers) == assign(shards, workers)
    assert place([dict.fromkeys(HOSTS, 7)] * shards, RACKS, workers) == assign(shards, workers)


def test_no_workers() -> None:
    """Without workers there is nothing to place."""
    assert place([{}], {}, {}) == {}


def test_host_first() -> None:
    """A shard goes to the host of most of its bytes when that has room, wherever the shard stands in the order."""
    shards = [{"b": 10}, {"a": 10}, {"b": 10}, {"a": 9, "b": 1}]
    assert place(shards, {}, {0: "a", 1: "b"}) == {0: [1, 3], 1: [0, 2]}


def test_the_shard_that_loses_most_is_served_first() -> None:
    """A host without room for all shards keeps those that are nowhere else."""
    shards = [{"a": 10, "b": 10}, {"a": 10, "b": 10}, {"a": 10}, {"a": 10}]
    assert place(shards, {}, {0: "a", 1: "b"}) == {0: [2, 3], 1: [0, 1]}


def test_rack_second() -> None:
    """A shard without a worker on its hosts goes to their rack."""
    of = {"a": "/r1", "b": "/r2", "c": "/r1", "d": "/r2"}
    assert place([{"d": 5}, {"c": 5}], of, {0: "a", 1: "b"}) == {0: [1], 1: [0]}


def test_workers_of_one_host_share_in_runs() -> None:
    """The shards of a host are cut in contiguous runs for its workers."""
    shards = [{"a": 1}] * 4 + [{"b": 1}] * 4
    placed = place(shards[::-1], {}, {0: "a", 1: "a", 2: "b", 3: "b"})
    assert placed == {2: [0, 1], 3: [2, 3], 0: [4, 5], 1: [6, 7]}


@given(cuts, crews)
def test_never_less_local_than_without(shards: list[dict[str, int]], workers: dict[int, str]) -> None:
    """With one replica and room for all, every byte is local; with any, no shard could gain by a move to free room."""
    whole = [dict(list(shard.items())[:1]) for shard in shards]
    placed = place(whole, {}, workers)
    room = {h: sum(len(placed[w]) for w in workers if workers[w] == h) for h in workers.values()}
    local = {h: sum(1 for shard in whole if shard.get(h)) for h in room}
    if all(local[h] <= room[h] for h in room):
        assert located(placed, whole, workers) == sum(n for shard in whole for h, n in shard.items() if h in room)


def test_large() -> None:
    """Thousands of shards with three replicas each on hundreds of workers: nearly all bytes are local."""
    names = [f"n{i}" for i in range(200)]
    shards = [{names[(7 * s + k * k * 31) % 200]: 100 for k in range(1, 4)} for s in range(4000)]
    workers = dict(enumerate(names))
    placed = place(shards, {}, workers)
    assert located(placed, shards, workers) > 0.98 * 100 * len(shards)


def dataset(*rows: int, split: Split | None = None) -> Dataset:
    """One file of groups with so many rows, ten bytes a row, after four bytes of magic number."""
    starts = [4 + 10 * sum(rows[:i]) for i in range(len(rows))]
    groups = tuple(Group(n, start, 10 * n) for n, start in zip(rows, starts, strict=True))
    return Dataset("parquet", (File("hdfs:///f", 4 + 10 * sum(rows) + 8, "", groups),), split)


def blocks(size: int, *hosts: tuple[str, ...]) -> list[Block]:
    return [Block(i * size, size, on, tuple(RACKS[h] for h in on)) for i, on in enumerate(hosts)]


def test_shard_bytes() -> None:
    """A shard's bytes are those of the groups it reads, each where the blocks under it are."""
    where = {"hdfs:///f": blocks(54, ("h0",), ("h1", "h2"))}
    by_shard = shard_bytes(dataset(5, 5), 2, where)
    assert by_shard == [{"h0": 50}, {"h1": 50, "h2": 50}]
    assert shard_bytes(dataset(10), 2, where) == [{"h0": 50, "h1": 50, "h2": 50}] * 2  # both read the group
    assert shard_bytes(dataset(5, 5), 2, {}) == [{}, {}]
    assert racks(where) == {"h0": "/r0", "h1": "/r1", "h2": "/r0"}


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.integers(1, 20), st.sampled_from([0.0, 0.3]))
def test_shard_bytes_follow_the_cut(rows: list[int], shards: int, held: float) -> None:
    """The groups counted for a shard are those of its pieces, for a split dataset too."""
    data = dataset(*rows, split=Split(0, held, False) if held else None)
    everywhere = {"hdfs:///f": blocks(10**6, ("h0",))}
    for shard, by_host in enumerate(shard_bytes(data, shards, everywhere)):
        groups = [data.files[0].groups[piece.group] for piece in pieces(data, shards, shard)]
        spanned = sum(group.size for group in groups)
        assert by_host.get("h0", 0) >= spanned
        assert bool(by_host.get("h0")) >= bool(groups)


def test_local_share() -> None:
    """The share of bytes that lie on their reader's host, replicas counted once."""
    data = dataset(5, 5)
    by_shard = shard_bytes(data, 2, {"hdfs:///f": blocks(54, ("h0", "h2"), ("h1", "h2"))})
    assert local_share({0: [0], 1: [1]}, data, by_shard, {0: "h0", 1: "h1"}) == 1
    assert local_share({0: [0], 1: [1]}, data, by_shard, {0: "h0", 1: "h0"}) == 0.5
    assert local_share({0: [0, 1]}, data, [{}, {}], {0: "h0"}) == 0


def test_groups_in_the_middle_without_rows() -> None:
    """Groups without rows of this dataset move no shard's bounds."""
    data = dataset(4, 0, 4)
    starts = [g.start for g in data.files[0].groups]
    assert all(low <= high for low, high in pairwise(starts))
    assert shard_bytes(data, 2, {"hdfs:///f": blocks(44, ("h0",), ("h1",))}) == [{"h0": 40}, {"h1": 40}]
