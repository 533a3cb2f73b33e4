"""Events as they are stored: the names of earlier versions stay."""

import msgspec
import pytest

from yarnml.events.console import announcement
from yarnml.events.events import Event, ProcessJoined, Waiting


@pytest.mark.parametrize(
    ("event", "stored", "line"),
    [
        (
            Waiting(1, 2, "no room"),
            b'{"type":"Waiting","workers":1,"wanted":2,"reason":"no room"}',
            "waiting for workers: 1 of 2 are here; no room",
        ),
        (ProcessJoined(1, 2), b'{"type":"Joins","workers":1,"wanted":2}', "1 of 2 workers take part"),
    ],
)
def test_a_target_is_stored_as_wanted(event: Event, stored: bytes, line: str) -> None:
    """Programs read these fields from ``events.jsonl`` by their old name."""
    assert msgspec.json.encode(event) == stored
    assert msgspec.json.decode(stored, type=Event) == event
    assert isinstance(event, Waiting | ProcessJoined)
    assert announcement(event) == line
