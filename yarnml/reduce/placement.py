"""The placement of a table's parts: which process owns each, and which follows it, as a pure function."""

from collections import Counter
from collections.abc import Sequence

from yarnml.control.holders import Holders


def place_parts(kept: Sequence[Sequence[str]], addresses: Sequence[str], followers: int) -> list[Holders]:
    """Give every part an owner and a follower among these processes, so that all have about equally many parts.

    A part stays where it is as far as that goes.  A follower is on another host than its owner where there is one.

    Args:
        kept: for each part, the processes that have its rows, its owner first; none before the table begins.
        addresses: of the processes that can keep parts.
        followers: of each part, 0 or 1.
    """
    share = -(-len(kept) // len(addresses))
    owners = _owners(kept, addresses, share)
    if not followers or len(addresses) == 1:
        return [Holders(owner) for owner in owners]
    placed = _with_followers(owners, kept, addresses, share)
    largest = Counter(part.follower for part in placed).most_common(1)[0][1]
    return placed if largest <= share else _with_followers(owners, [[]] * len(kept), addresses, share)


def _with_followers(
    owners: Sequence[str], kept: Sequence[Sequence[str]], addresses: Sequence[str], share: int
) -> list[Holders]:
    """Give each part a follower, one after another: of another host, not full, that keeps it, with few parts."""
    following: Counter[str] = Counter()
    placed = []
    for number, owner in enumerate(owners):
        costs = {}
        for place, address in enumerate(addresses):
            behind = (place - addresses.index(owner)) % len(addresses)
            is_full = following[address] >= share
            is_near = host_of(address) == host_of(owner)
            costs[address] = (is_near, is_full, address not in kept[number], following[address], behind)
        follower = min((address for address in addresses if address != owner), key=costs.__getitem__)
        following[follower] += 1
        placed.append(Holders(owner, follower))
    return placed


def _owners(kept: Sequence[Sequence[str]], addresses: Sequence[str], share: int) -> list[str]:
    """The owner of every part: who owns it now, who keeps it, or who has least, in this order; ``share`` parts each."""
    owned: Counter[str] = Counter()
    owners: dict[int, str] = {}
    for rank in range(max(map(len, kept))):
        for number, keepers in enumerate(kept):
            if number not in owners and rank < len(keepers) and owned[keepers[rank]] < share:
                owners[number] = keepers[rank]
                owned[keepers[rank]] += 1
    for number in range(len(kept)):
        if number not in owners:
            owners[number] = min(addresses, key=lambda address: (owned[address], addresses.index(address)))
            owned[owners[number]] += 1
    return [owners[number] for number in range(len(kept))]


def host_of(address: str) -> str:
    """The host of an address; empty for that of a socket on this machine."""
    return address.rpartition(":")[0]
