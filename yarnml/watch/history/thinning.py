"""Thinning of a history: however long a job runs, its history has room, and what is older has fewer entries.  Pure."""

from collections.abc import Sequence
from typing import get_args

from yarnml.events.cluster import SizeChanged
from yarnml.events.events import End, EpochDone, Event, Failure, ShardsDone, Tick
from yarnml.events.measurements import (
    ParametersMeasured,
    ProcessesMeasured,
    RoundMeasured,
    RunStarted,
    TrainingMeasured,
)
from yarnml.events.submission import UserAction
from yarnml.watch.history.entries import Entry, encode

PIECE_BYTES = 256 * 2**10
"""Most bytes of what is written at a time."""

MERGED_BYTES = 16 * 2**20
"""Most bytes of a history's old pieces, which are one file."""

SHARES = {"run": 0.1, "epochs": 0.25, "counters": 0.15, "processes": 0.3, "parameters": 0.1, "others": 0.1}
"""Share of the room for each kind of entries: none takes that of another."""

_KINDS: dict[type[Event], str] = {
    RunStarted: "run",
    Failure: "run",
    UserAction: "run",
    SizeChanged: "run",
    **dict.fromkeys(get_args(End), "run"),
    EpochDone: "epochs",
    Tick: "counters",
    ShardsDone: "counters",
    TrainingMeasured: "counters",
    RoundMeasured: "processes",
    ProcessesMeasured: "processes",
    ParametersMeasured: "parameters",
}


def thin(entries: Sequence[Entry], budget: int) -> list[Entry]:
    """Leave out entries until all take at most ``budget`` bytes as lines; what stays keeps its order.

    Each kind of entries, see `SHARES`, is thinned by itself.  As long as it is too large, every second entry of its
    older half goes: so the first and the newest entries stay, and entries become fewer with age.
    """
    kept: set[int] = set()
    for kind, share in SHARES.items():
        numbers = [number for number, entry in enumerate(entries) if kind_of(entry.event) == kind]
        sizes = {number: len(encode(entries[number])) for number in numbers}
        while sum(sizes[number] for number in numbers) > share * budget:
            numbers = _without_every_second_of_the_older(numbers)
        kept.update(numbers)
    return [entry for number, entry in enumerate(entries) if number in kept]


def kind_of(event: Event) -> str:
    return _KINDS.get(type(event), "others")


def _without_every_second_of_the_older(numbers: list[int]) -> list[int]:
    """Halve the older half; of two the older goes, and one alone goes."""
    middle = len(numbers) // 2
    return numbers[:middle:2] + numbers[middle:] if middle > 1 else numbers[1:]
