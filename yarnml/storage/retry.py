"""Deadlines and repeats for a storage: a limit for every call, and another attempt while the storage is away.

Before a job runs, nothing is repeated: the user waits for the answer.  A job that runs is patient.
"""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from yarnml.events.log import log
from yarnml.storage.base import Unavailable

CONNECT_SECONDS = 5.0
"""Time limit to connect to a server."""

CALL_SECONDS = 15.0
"""Time limit for the answer of a NameNode."""

CHUNK_SECONDS = 60.0
"""Time limit for one chunk of data, whatever replicas have to be tried."""

FAILOVER_SECONDS = 60.0
"""How long any command waits for another NameNode to take over, where one of several answers as a standby."""

OUTAGE_SECONDS = 120.0
"""How long a running job waits for a storage that is away."""

_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 4.0

_T = TypeVar("_T")


class _Patience:
    """The seconds that all threads of the process wait for a storage that is away."""

    seconds = 0.0


@contextmanager
def patience(seconds: float = OUTAGE_SECONDS) -> Iterator[None]:
    """Have all threads of the process wait so long for a storage that is away; outside of the block, not at all."""
    before = _Patience.seconds
    _Patience.seconds = seconds
    try:
        yield
    finally:
        _Patience.seconds = before


def persist(attempt: Callable[[bool], _T]) -> _T:
    """Repeat an attempt until it succeeds, fails for good, or the storage has been away for too long.

    ``attempt``: called with whether one before it failed, so that its effect may be there already.
    """
    pause = _FIRST_PAUSE_SECONDS
    away_since = 0.0
    while True:
        try:
            result = attempt(bool(away_since))
        except Unavailable as exc:
            now = time.monotonic()
            limit = max(_Patience.seconds, exc.repeat_for)
            if not away_since:
                away_since = now
                if limit:
                    _say(f"{exc}; trying again for up to {limit:.0f} s")
            if now - away_since >= limit:
                raise
            time.sleep(min(pause, away_since + limit - now))
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        else:
            if away_since:
                _say(f"it worked again after {time.monotonic() - away_since:.1f} s")
            return result


def bounded(act: Callable[[], _T], seconds: float) -> _T:
    """The result of ``act``, or TimeoutError after ``seconds``.

    After a timeout its thread is left behind: Python can't stop a thread that waits inside of a library.
    """
    done: queue.SimpleQueue[tuple[bool, _T | BaseException]] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((True, act()))
        except BaseException as exc:
            done.put((False, exc))

    threading.Thread(target=run, daemon=True, name="storage call").start()
    try:
        succeeded, result = done.get(timeout=seconds)
    except queue.Empty:
        raise TimeoutError(f"no answer within {seconds:.0f} s") from None
    if succeeded:
        return result  # type: ignore[return-value]
    assert isinstance(result, BaseException)
    raise result


def _say(text: str) -> None:
    log(f"storage: {text}.")
