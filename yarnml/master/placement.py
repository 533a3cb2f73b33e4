"""Placement: which worker computes which shard, so that most bytes are read from a disk of its own host.  Pure.

What is in a shard never depends on this, so the result does not either.  Hosts are named as NodeManagers and DataNodes
name themselves.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

from yarnml.data.base import Dataset, Group
from yarnml.data.shards import bounds
from yarnml.storage import Block


def assign(shards: int, workers: Iterable[int]) -> dict[int, list[int]]:
    """Assign a contiguous run of shards to each worker, as even as they go: few subtrees each, so little to send."""
    members = list(workers)
    n = len(members)
    return {w: list(range(i * shards // n, (i + 1) * shards // n)) for i, w in enumerate(members)}


def place(
    shards: Sequence[Mapping[str, int]], racks: Mapping[str, str], workers: Mapping[int, str]
) -> dict[int, list[int]]:
    """Assign every shard to one worker, as even as they go: first where most of its bytes are, then in their rack.

    Where bytes do not decide, a shard goes where `assign` has it, since contiguous runs make fewer messages.

    Args:
        shards: for each shard, host → its bytes there.
        racks: host → rack.
        workers: worker → its host.
    """
    plain = assign(len(shards), workers)
    plain_host = {shard: workers[worker] for worker, run in plain.items() for shard in run}
    capacity = _Capacity(len(plain_host), Counter(workers.values()))
    homes: dict[int, str] = {}  # shard → host

    def settle(worths: Mapping[int, Mapping[str, int]]) -> None:
        """Give each shard the best of its hosts that has room; the shard that has most to lose comes first.

        ``worths``: shard → host → what it is worth to be there.
        """
        for shard in sorted(worths, key=lambda s: (-_at_stake(worths[s].values()), s)):
            worth = worths[shard]
            ranked = sorted(worth, key=lambda host: (-worth[host], host != plain_host[shard], host))
            home = next(filter(capacity.take, ranked), None) or _make_way(shard, worths, homes, capacity)
            if home:
                homes[shard] = home

    settle({s: {host: shards[s][host] for host in capacity.hosts if shards[s].get(host)} for s in plain_host})
    near = {s: _by_rack(shards[s], racks) for s in plain_host if s not in homes}
    settle({s: {h: near[s][racks[h]] for h in capacity.hosts if near[s].get(racks.get(h, ""))} for s in near})
    settle({s: dict.fromkeys(capacity.hosts, 1) for s in plain_host if s not in homes})
    return plain if homes == plain_host else _within_hosts(homes, workers)


def _make_way(
    shard: int, worths: Mapping[int, Mapping[str, int]], homes: dict[int, str], capacity: "_Capacity"
) -> str | None:
    """Move another shard away, so that ``shard`` gets its host; return the host, or None where no move pays.

    All hosts of ``shard`` are full.  The first pass serves those that have most to lose, but what a shard loses changes
    as hosts fill up: one that sits on a host of ``shard`` may do as well elsewhere.  It moves if both together gain.
    Chains of several moves are not tried: a few more local bytes are not worth a search among thousands of shards.
    """
    worth = worths[shard]
    for other, home in homes.items():
        if worth.get(home) and other in worths:
            other_worth = worths[other]
            for refuge in other_worth:
                gains = worth[home] + other_worth[refuge] > other_worth[home]
                if gains and refuge != home and capacity.take(refuge):
                    homes[other] = refuge
                    return home
    return None


class _Capacity:
    """The number of shards that each host can still take, so that no worker gets more than one above another."""

    def __init__(self, shards: int, workers: Mapping[str, int]) -> None:
        self.hosts = list(workers)
        per_worker, self._extra = divmod(shards, max(1, sum(workers.values())))
        self._left = {host: per_worker * count for host, count in workers.items()}
        self._extra_left = dict(workers)  # at most one of the extra shards for each worker

    def take(self, host: str) -> bool:
        """Take a place on a host; False where it has none."""
        if self._left[host]:
            self._left[host] -= 1
        elif self._extra and self._extra_left[host]:
            self._extra -= 1
            self._extra_left[host] -= 1
        else:
            return False
        return True


def _at_stake(worth: Iterable[int]) -> int:
    """The worth that a shard loses when it gets the second best host."""
    best, second = [*sorted(worth, reverse=True)[:2], 0, 0][:2]
    return best - second


def _by_rack(host_bytes: Mapping[str, int], racks: Mapping[str, str]) -> Counter[str]:
    total: Counter[str] = Counter()
    for host, size in host_bytes.items():
        if host in racks:
            total[racks[host]] += size
    return total


def _within_hosts(homes: Mapping[int, str], workers: Mapping[int, str]) -> dict[int, list[int]]:
    """Assign the shards of each host to its workers, in contiguous runs."""
    placed: dict[int, list[int]] = {worker: [] for worker in workers}
    for host in dict.fromkeys(workers.values()):
        host_shards = sorted(shard for shard, home in homes.items() if home == host)
        host_workers = [worker for worker, name in workers.items() if name == host]
        for worker, run in assign(len(host_shards), host_workers).items():
            placed[worker] = [host_shards[i] for i in run]
    return placed


def shard_bytes(dataset: Dataset, shards: int, locations: Mapping[str, Sequence[Block]]) -> list[dict[str, int]]:
    """For each shard, host → bytes of its groups there.  ``locations``: the blocks of each file, by URL."""
    by_shard = []
    for groups in _groups(dataset, shards):
        total: Counter[str] = Counter()
        for url, group in groups:
            for block in locations.get(url, ()):
                common = min(group.start + group.size, block.start + block.length) - max(group.start, block.start)
                if common > 0:
                    total.update(dict.fromkeys(block.hosts, common))
        by_shard.append(dict(total))
    return by_shard


def racks(locations: Mapping[str, Sequence[Block]]) -> dict[str, str]:
    """Host → rack, of every host that holds a block."""
    return {h: r for blocks in locations.values() for b in blocks for h, r in zip(b.hosts, b.racks, strict=True)}


def local_share(
    placed: Mapping[int, Sequence[int]],
    dataset: Dataset,
    shards: Sequence[Mapping[str, int]],
    workers: Mapping[int, str],
) -> float:
    """The share of all bytes to read that is on the host of their reader.

    Args:
        placed: worker → its shards.
        shards: as `shard_bytes` gives them.
        workers: worker → its host.
    """
    sizes = [sum(group.size for _, group in groups) for groups in _groups(dataset, len(shards))]
    local = sum(shards[s].get(workers[worker], 0) for worker, run in placed.items() for s in run)
    return local / max(1, sum(sizes))


def _groups(dataset: Dataset, shards: int) -> list[list[tuple[str, Group]]]:
    """The groups that each shard reads, wholly or in part, with the URL of their file."""
    groups = [(file.url, group) for file in dataset.files for group in file.groups]
    ends = list(accumulate(dataset.group_rows))
    by_shard = []
    for shard in range(shards):
        low, high = bounds(dataset.rows, shards, shard)
        first = bisect_right(ends, low)
        last = bisect_right(ends, high - 1)
        by_shard.append(groups[first : last + 1] if low < high else [])
    return by_shard
