"""A history has room, however long its job runs."""

from itertools import pairwise

import pytest

from yarnml.events.events import EpochDone, Event, Outcome, ProcessLost, Tick
from yarnml.events.measurements import ProcessesMeasured, ProcessUse, RunStarted
from yarnml.watch.history.entries import Entry, encode
from yarnml.watch.history.pieces import MERGE_PIECES
from yarnml.watch.history.thinning import MERGED_BYTES, PIECE_BYTES, SHARES, kind_of, thin

START = RunStarted({"name": "a"}, "0.1.0", "local", "process 1 on a")


def epochs(count: int) -> list[Entry]:
    return [Entry(float(n), EpochDone(n, count, 10 * n, 0.5, {"loss": 0.25})) for n in range(1, count + 1)]


def sizes(entries: list[Entry]) -> dict[str, int]:
    kinds = dict.fromkeys(SHARES, 0)
    for entry in entries:
        kinds[kind_of(entry.event)] += len(encode(entry))
    return kinds


def test_what_fits_stays_whole() -> None:
    """Nothing is left out where there is room."""
    entries = [Entry(0.0, START), *epochs(100)]
    assert thin(entries, 2**20) == entries


def test_older_entries_become_fewer() -> None:
    """The first and the newest entries stay, and the gaps between two grow with age."""
    kept = [entry.event.epoch for entry in thin(epochs(5_000), 200_000) if isinstance(entry.event, EpochDone)]
    gaps = [after - before for before, after in pairwise(kept)]
    assert kept[0] == 1
    assert kept[-1] == 5_000
    assert gaps[-100:] == [1] * 100
    assert gaps[0] > 4
    assert len(kept) > 100


@pytest.mark.parametrize(
    ("event", "count"),
    [
        (EpochDone(1, 2, 3, 0.5, {f"recall[{n}]": 0.1 for n in range(100)}), 2_000),
        (Tick(1, 0.5, 3, 4), 50_000),
        (ProcessLost("worker 3 was ended by signal 9"), 30_000),
        (START, 20_000),
        (ProcessesMeasured([ProcessUse("worker", n, f"node-{n}", 4, 2**30, 0.97, 2**30) for n in range(1000)]), 50),
    ],
    ids=lambda value: type(value).__name__,
)
def test_no_kind_takes_the_room_of_another(event: Event, count: int) -> None:
    """However often one kind of event comes, it keeps to its share, and all others stay."""
    flood = [Entry(float(n), event) for n in range(count)]
    rest = [entry for entry in [*epochs(10), Entry(1.0, START)] if kind_of(entry.event) != kind_of(event)]
    kept = thin([*rest, *flood], PIECE_BYTES)
    assert sum(sizes(kept).values()) <= PIECE_BYTES
    assert sizes(kept)[kind_of(event)] <= SHARES[kind_of(event)] * PIECE_BYTES
    assert [entry for entry in kept if entry in rest] == rest
    assert flood[-1] in kept


def test_an_entry_without_room_goes() -> None:
    """One entry that is larger than its share is left out, and thinning ends."""
    outcome = Outcome("a" * 100_000, 1, 1, {}, {}, "folder")
    assert thin([Entry(0.0, outcome), *epochs(1)], 100_000) == epochs(1)


def test_a_history_has_at_most_20_mib() -> None:
    """The merged file and the pieces beside it keep to 20 MiB."""
    assert sum(SHARES.values()) == pytest.approx(1)
    assert MERGED_BYTES + MERGE_PIECES * PIECE_BYTES < 20 * 2**20
