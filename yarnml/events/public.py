"""Events and texts as they leave the process: without secrets, and for a terminal without control characters."""

import re

import msgspec

from yarnml.events.events import Event, Tick
from yarnml.events.redaction import redacted, redacted_all

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def public(event: Event) -> Event:
    """The event without secrets."""
    if isinstance(event, Tick):
        return event
    clean: Event = msgspec.convert(redacted_all(msgspec.to_builtins(event)), type=Event)
    return clean


def shown(text: str) -> str:
    """A text as a terminal shows it: without secrets, and with control characters as Python writes them.

    Tabs and newlines stay.  Names of columns, values and file names come from data, which may hold what moves a cursor
    or sets a title.
    """
    return _CONTROL.sub(lambda match: repr(match[0])[1:-1], redacted(text))
