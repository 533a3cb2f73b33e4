"""Events and texts as they leave the process: without secrets, and for a terminal without what can't be seen."""

import msgspec

from yarnml.events.events import Event, Outcome, Tick
from yarnml.events.redaction import map_texts, redacted, without_password


def public(event: Event) -> Event:
    """The event without secrets."""
    if isinstance(event, Tick):
        return event
    # What an outcome says are names, numbers and URLs: a name may be that of a column and a variable's value.
    change = without_password if isinstance(event, Outcome) else redacted
    clean: Event = msgspec.convert(map_texts(change, msgspec.to_builtins(event)), type=Event)
    return clean


def shown(text: str) -> str:
    """A text as a terminal shows it: without secrets, and with what can't be seen as Python writes it.

    Tabs and newlines stay.  Names of columns, values and file names come from data, which may hold what moves a cursor
    or sets a title.
    """
    return "".join(c if c.isprintable() or c in "\n\t" else repr(c)[1:-1] for c in redacted(text))
