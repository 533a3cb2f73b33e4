"""Events as they are stored: the names of earlier versions stay."""

from typing import get_args

import msgspec
import pytest

from yarnml.events.console import announcement
from yarnml.events.events import Event, ProcessJoined, Waiting

STORED_NAMES = {
    "Planned", "Submitted", "Pending", "Waiting", "Lost", "Rests", "GoesOn", "Resizes", "Joins", "Torn", "Continued",
    "RoundBegins", "Tick", "EpochDone", "Converged", "Searches", "Judged", "Searched", "Settled", "Outcome", "Failure",
    "LabelSummary", "TimeLimit", "UserAction", "Predicted", "WarmStarted", "ShardsDone", "ProcessPlaced",
    "EvaluationResult", "ExplanationResult", "LookResult",
    "StreamWaiting", "BatchJudged", "BatchLearned", "BatchChanged",
    "PageServed", "RunStarted", "TrainingMeasured", "RoundMeasured", "ProcessesMeasured", "CheckpointSaved",
    "ParametersMeasured",
}  # fmt: skip
"""Names in ``events.jsonl``, ``outcome.json`` and ``failure.json``.  One may be added, none may change."""


def test_a_stored_name_stays() -> None:
    """Files that an earlier version wrote are read: each event has the name there that it always had."""
    assert {msgspec.inspect.type_info(event).tag for event in get_args(Event)} == STORED_NAMES


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
