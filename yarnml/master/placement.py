"""Which worker computes which shard, so that most bytes are read from a disk of its own host.  Pure.

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
    """Contiguous runs of shards for each worker, as even as they go: few subtrees each, so little to send."""
    members = list(workers)
    n = len(members)
    return {w: list(range(i * shards // n, (i + 1) * shards // n)) for i, w in enumerate(members)}


def place(
    shards: Sequence[Mapping[str, int]], racks: Mapping[str, str], workers: Mapping[int, str]
) -> dict[int, list[int]]:
    """Every shard to one worker, as evenly as they go: first where most of its bytes are, then in their rack.

    ``shards``: of each, host → its bytes there; ``racks``: host → rack; ``workers``: worker → its host.  Where bytes do
    not decide, a shard goes where `assign` has it, since contiguous runs make fewer messages.
    """
    plain = assign(len(shards), workers)
    usual = {s: workers[worker] for worker, run in plain.items() for s in run}
    room = _Room(len(usual), Counter(workers.values()))
    homes: dict[int, str] = {}

    def settle(wanted: Mapping[int, Mapping[str, int]]) -> None:
        """Give each shard the best of its wanted hosts that has room; who has most to lose comes first."""
        for shard in sorted(wanted, key=lambda s: (-_at_stake(wanted[s].values()), s)):
            worth = wanted[shard]
            ranked = sorted(worth, key=lambda host: (-worth[host], host != usual[shard], host))
            home = next(filter(room.take, ranked), None) or _make_way(shard, wanted, homes, room)
            if home:
                homes[shard] = home

    settle({s: {h: shards[s][h] for h in room.hosts if shards[s].get(h)} for s in usual})
    near = {s: _by_rack(shards[s], racks) for s in usual if s not in homes}
    settle({s: {h: near[s][racks[h]] for h in room.hosts if near[s].get(racks.get(h, ""))} for s in near})
    settle({s: dict.fromkeys(room.hosts, 1) for s in usual if s not in homes})
    return plain if homes == usual else _within_hosts(homes, workers)


def _make_way(shard: int, wanted: Mapping[int, Mapping[str, int]], homes: dict[int, str], room: "_Room") -> str | None:
    """The home of a shard that has to leave for another of its hosts, where both together gain; None where none can."""
    worth = wanted[shard]
    for other, home in homes.items():
        if worth.get(home) and other in wanted:
            theirs = wanted[other]
            for refuge in theirs:
                if worth[home] + theirs[refuge] > theirs[home] and refuge != home and room.take(refuge):
                    homes[other] = refuge
                    return home
    return None


class _Room:
    """How many shards each host can still take, so that no worker gets more than one above another."""

    def __init__(self, shards: int, workers: Mapping[str, int]) -> None:
        self.hosts = list(workers)
        each, self._extra = divmod(shards, max(1, sum(workers.values())))
        self._left = {host: each * count for host, count in workers.items()}
        self._more = dict(workers)  # of the extra ones, at most one for each worker

    def take(self, host: str) -> bool:
        if self._left[host]:
            self._left[host] -= 1
        elif self._extra and self._more[host]:
            self._extra -= 1
            self._more[host] -= 1
        else:
            return False
        return True


def _at_stake(worth: Iterable[int]) -> int:
    """What a shard loses when it gets the second best host."""
    best, second = [*sorted(worth, reverse=True)[:2], 0, 0][:2]
    return best - second


def _by_rack(found: Mapping[str, int], racks: Mapping[str, str]) -> Counter[str]:
    total: Counter[str] = Counter()
    for host, size in found.items():
        if host in racks:
            total[racks[host]] += size
    return total


def _within_hosts(homes: Mapping[int, str], workers: Mapping[int, str]) -> dict[int, list[int]]:
    """The shards of each host to its workers, in contiguous runs."""
    placed: dict[int, list[int]] = {worker: [] for worker in workers}
    for host in dict.fromkeys(workers.values()):
        mine = sorted(shard for shard, home in homes.items() if home == host)
        for worker, run in assign(len(mine), [w for w, its in workers.items() if its == host]).items():
            placed[worker] = [mine[i] for i in run]
    return placed


def shard_bytes(dataset: Dataset, shards: int, locations: Mapping[str, Sequence[Block]]) -> list[dict[str, int]]:
    """Of each shard, host → bytes of its groups there.  ``locations``: the blocks of each file, by URL."""
    found = []
    for groups in _groups(dataset, shards):
        total: Counter[str] = Counter()
        for url, group in groups:
            for block in locations.get(url, ()):
                common = min(group.start + group.size, block.start + block.length) - max(group.start, block.start)
                if common > 0:
                    total.update(dict.fromkeys(block.hosts, common))
        found.append(dict(total))
    return found


def racks(locations: Mapping[str, Sequence[Block]]) -> dict[str, str]:
    """Host → rack, of every host that holds a block."""
    return {h: r for found in locations.values() for b in found for h, r in zip(b.hosts, b.racks, strict=True)}


def local_share(
    placed: Mapping[int, Sequence[int]],
    dataset: Dataset,
    shards: Sequence[Mapping[str, int]],
    workers: Mapping[int, str],
) -> float:
    """The share of all bytes to read that is on the host of who reads them; ``shards`` as `shard_bytes` gives them."""
    sizes = [sum(group.size for _, group in groups) for groups in _groups(dataset, len(shards))]
    local = sum(shards[s].get(workers[worker], 0) for worker, run in placed.items() for s in run)
    return local / max(1, sum(sizes))


def _groups(dataset: Dataset, shards: int) -> list[list[tuple[str, Group]]]:
    """The groups that each shard reads, wholly or in part, with the URL of their file."""
    groups = [(file.url, group) for file in dataset.files for group in file.groups]
    ends = list(accumulate(dataset.group_rows))
    found = []
    for shard in range(shards):
        low, high = bounds(dataset.rows, shards, shard)
        first, last = bisect_right(ends, low), bisect_right(ends, high - 1)
        found.append(groups[first : last + 1] if low < high else [])
    return found
