"""A watcher that submits a job again and again, so that it outlives the delegation tokens of each application.

Only an end that lies in the tokens is followed by another application; every other end is the job's own.
"""

import time
from collections.abc import Callable
from enum import Enum, auto

from yarnml.errors import ClusterError, TimeOver
from yarnml.storage import hadoop_config
from yarnml.storage.security import identity

TICKET_SECONDS = 24 * 3600.0
"""Longest wait for somebody to run kinit."""

LOOK_SECONDS = 10.0
"""Time between two looks for a ticket."""


class Turn(Enum):
    """A turn of following a job to its end."""

    FIRST = auto()
    """The job is submitted as its user asked for."""
    AGAIN = auto()
    """It is submitted again, to go on where it was; an application that runs it already is followed."""
    SAME = auto()
    """The application of the turn before is followed, even where it has ended; without one as in `AGAIN`."""


def kept_alive(follow: Callable[[Turn], None], times: int, note: Callable[[str], None]) -> None:
    """Follow a job to its end over several applications.

    ``follow``: takes a turn; raises how the job ended, or what kept it from looking.
    ``times``: how often it may be submitted again.
    """
    number = 0
    turn = Turn.FIRST
    while True:
        try:
            follow(turn)
            return
        except TimeOver as exc:
            if number == times:
                raise
            number += 1
            turn = Turn.AGAIN
            note(f"{exc}\nsubmitting it again, {number} of {times} times")
        except ClusterError as exc:
            if not lacks_ticket():
                raise
            turn = Turn.SAME
            note(f"The ticket ended while the job was watched: {exc}")
        wait_for_ticket(note)


def lacks_ticket() -> bool:
    """Tell whether the cluster wants a ticket and we have none that is good."""
    try:
        return hadoop_config.configuration().wants_kerberos and not identity.valid_ticket().seconds
    except ClusterError:
        return True


def wait_for_ticket(note: Callable[[str], None]) -> None:
    """Wait until there is a ticket to log in with; ClusterError where nobody gets one in time."""
    deadline = time.monotonic() + TICKET_SECONDS
    if lacks_ticket():
        note("Waiting for a ticket; run kinit.")
    while lacks_ticket():
        if time.monotonic() > deadline:
            raise ClusterError(
                f"There was no ticket for {TICKET_SECONDS / 3600:.0f} h, so the job is not submitted again; run kinit, "
                "then submit it."
            )
        time.sleep(LOOK_SECONDS)
