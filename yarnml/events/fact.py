"""The base of all events."""

from msgspec import Struct


class Fact(Struct, frozen=True, tag=True):
    """A fact about a job; its tag, in ``events.jsonl`` and ``outcome.json``, may be the older name of earlier files."""
