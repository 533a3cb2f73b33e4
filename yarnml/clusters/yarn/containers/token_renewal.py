"""Delegation tokens for a job that lives longer than those that it was submitted with.

YARN renews a job's tokens up to their largest age, seven days by default.  A master that was given a keytab takes new
ones long before, and hands them to all workers and reducers through Skein's key-value store, over the application's
own TLS.  A process that starts later takes the newest first of all.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from yarnml.clusters.yarn.application import KEYTAB, PRINCIPAL_VARIABLE
from yarnml.clusters.yarn.skein_import import skein
from yarnml.events.log import log
from yarnml.storage import delegation, hadoop_config
from yarnml.storage.security import keytab, tokens

KEY = "yarnml.tokens"
"""Skein's key for the newest tokens."""

PART_OF_LIFETIME = 1 / 3
"""New tokens are taken after this part of the time for which the old ones are good: a few attempts may fail."""

_RETRY_SECONDS = 60.0
_TICKETS = "yarnml.tickets"


def log_in() -> bool:
    """Log in by the keytab of this container; False where it has none.  ClusterError where it is not good."""
    if not Path(KEYTAB).exists():
        return False
    keytab.use(Path(KEYTAB), os.environ[PRINCIPAL_VARIABLE], Path(_TICKETS))
    return True


def start_renewing(application: skein.ApplicationClient, urls: Iterable[str]) -> None:
    """Take new tokens now and again and again, for as long as this process lives.

    ``urls``: places on every HDFS that the job uses.
    """
    places = list(urls)
    seconds = PART_OF_LIFETIME * delegation.lifetime(hadoop_config.configuration())

    def renew() -> None:
        renewed = delegation.new_tokens(places)
        tokens.replace(renewed)
        application.kv[KEY] = tokens.dump(renewed)

    first_pause = _pause_after(renew, seconds)
    threading.Thread(target=_repeat, args=(renew, first_pause, seconds), daemon=True, name="token renewal").start()


def _repeat(renew: Callable[[], None], pause: float, seconds: float) -> None:
    while True:
        time.sleep(pause)
        pause = _pause_after(renew, seconds)


def _pause_after(renew: Callable[[], None], seconds: float) -> float:
    """Renew once; the seconds until the next time.  A failure is no error: the old tokens are good for a while."""
    try:
        renew()
    except Exception as exc:
        log(f"No new delegation tokens could be had: {exc}; it is tried again.")
        return min(seconds, _RETRY_SECONDS)
    return seconds


def follow(application: skein.ApplicationClient) -> None:
    """Use the newest tokens that the master has handed out, and those to come; none where it has no keytab."""
    if not tokens.in_container():
        return  # nobody has to show any
    puts = application.kv.event_queue()
    puts.subscribe(key=KEY, event_type="put")
    if newest := application.kv.get(KEY):
        tokens.replace(tokens.parse(newest))
    threading.Thread(target=_take, args=(puts,), daemon=True, name="token renewal").start()


def _take(puts: "skein.kv.EventQueue") -> None:
    while True:
        try:
            event = puts.get()
        except Exception as exc:  # the application is ending, or its connection broke
            log(f"No more delegation tokens are handed out: {exc!r}")
            return
        tokens.replace(tokens.parse(event.result.value))
