"""Deadlines and repeats for a storage: a limit for every call, and another attempt while the storage is away.

Before a job runs, nothing is repeated: the user waits for the answer.  A job that runs is patient.
"""

import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

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

Answers = queue.SimpleQueue[tuple[bool, _T | BaseException]]
"""Takes the result of a call, or with false what it raised."""

Calls = queue.SimpleQueue[tuple[Callable[[], Any], Answers[Any]]]
"""The calls of one thread, each with where its answer goes."""

_idle: deque[Calls] = deque()
"""Of the threads that wait for a call: as many as there have been calls at a time."""

_overdue: set[Answers[Any]] = set()
"""Where the answers go of calls that came to their time limit and still wait."""

os.register_at_fork(after_in_child=_idle.clear)


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


def patient_seconds() -> float:
    """The seconds that `patience` has this process wait; 0 outside of it."""
    return _Patience.seconds


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
    done: Answers[_T] = queue.SimpleQueue()
    try:
        calls = _idle.pop()
    except IndexError:
        calls = queue.SimpleQueue()
        threading.Thread(target=_serve, args=(calls,), daemon=True, name="storage call").start()
    calls.put((act, done))
    try:
        succeeded, result = done.get(timeout=seconds)
    except queue.Empty:
        _overdue.add(done)
        raise TimeoutError(f"no answer within {seconds:.0f} s") from None
    if succeeded:
        return result  # type: ignore[return-value]
    assert isinstance(result, BaseException)
    raise result


def any_overdue() -> bool:
    """Tell whether a thread of this process still waits inside of a library, after the time limit of its call."""
    return bool(_overdue)


def _serve(calls: Calls) -> None:
    """Make one call after the other, each with its answer; idle in between."""
    while True:
        act, done = calls.get()
        try:
            answer = (True, act())
        except BaseException as exc:
            answer = (False, exc)
        _overdue.discard(done)
        _idle.append(calls)
        done.put(answer)
        del act, done, answer  # an idle thread holds nothing


def _say(text: str) -> None:
    log(f"storage: {text}.")
