"""How long to wait for a storage: a deadline for every call, and repeats while it is away.

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

CONNECT_SECONDS = 5.0  # to connect to a server
CALL_SECONDS = 15.0  # for the answer of a NameNode
CHUNK_SECONDS = 60.0  # for one chunk of data, whatever replicas have to be tried
OUTAGE_SECONDS = 120.0  # that a running job waits for a storage that is away

_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 4.0

_T = TypeVar("_T")


class _Patience:
    seconds = 0.0


@contextmanager
def patience(seconds: float = OUTAGE_SECONDS) -> Iterator[None]:
    """While this lasts, all threads of the process wait so long for a storage that is away; without it, not at all."""
    before, _Patience.seconds = _Patience.seconds, seconds
    try:
        yield
    finally:
        _Patience.seconds = before


def persist(attempt: Callable[[bool], _T]) -> _T:
    """``attempt(again)`` until it succeeds, fails for good, or the storage has been away for too long."""
    pause, away_since = _FIRST_PAUSE, 0.0
    while True:
        try:
            result = attempt(bool(away_since))
        except Unavailable as exc:
            now, patient = time.monotonic(), max(_Patience.seconds, exc.repeat_for)
            if not away_since:
                away_since = now
                if patient:
                    _say(f"{exc}; trying again for up to {patient:.0f} s")
            if now - away_since >= patient:
                raise
            time.sleep(min(pause, away_since + patient - now))
            pause = min(2 * pause, _LONGEST_PAUSE)
        else:
            if away_since:
                _say(f"it worked again after {time.monotonic() - away_since:.1f} s")
            return result


def bounded(act: Callable[[], _T], seconds: float) -> _T:
    """The result of ``act``, or TimeoutError: then its thread is left behind, since nothing can stop it."""
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


def _say(what: str) -> None:
    log(f"storage: {what}.")
