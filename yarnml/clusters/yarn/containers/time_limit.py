"""The time that the delegation tokens of a job give it, where its master has no keytab to take new ones."""

import threading
import time
from collections.abc import Callable

from yarnml.events.events import Listener
from yarnml.events.submission import TimeLimit
from yarnml.events.text import local_time
from yarnml.storage.security import keytab, tokens
from yarnml.storage.security.tokens import Origin

WARNING_SECONDS = 3600.0
"""Time before the end of the tokens at which the user is warned; three quarters of their life where that is less."""

LEAVE_SECONDS = 600.0
"""Time before it at which the job is left, for its checkpoint and its logs; half of their life where that is less.

Within the last minute hdfs-native does not use a token any more.
"""


def start_clock(say: Listener) -> Callable[[], str]:
    """Warn in time of the end of this process's tokens; returns what says that the job has to be left, and why."""
    first = None if keytab.in_use() else tokens.first_to_end(tokens.own())
    if first is None:
        return str
    warn_at, leave_at = moments(first)
    timer = threading.Timer(max(0.0, warn_at - time.time()), lambda: say(TimeLimit(first.end)))
    timer.daemon = True
    timer.start()
    sentence = f"The delegation tokens of this job end at {local_time(first.end)}."
    return lambda: sentence if time.time() > leave_at else ""


def moments(first: Origin) -> tuple[float, float]:
    """When to warn of the end of a token, and when to leave the job, both in seconds since 1970."""
    life = first.end - first.issued
    return first.end - min(WARNING_SECONDS, 3 * life / 4), first.end - min(LEAVE_SECONDS, life / 2)
