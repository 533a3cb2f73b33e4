"""The failure policy: what follows when a process of a job has ended or is lost, as a pure function with one table.

The exits so far and what the job may spend go in; a `Decision` and the sentence for the user come out.  The same table,
in words for users, is docs/faults.md.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from yarnml.control.roles import Role
from yarnml.storage.errors import TOKEN_ENDED

MAX_FAILURES_WITHOUT_JOIN = 3
"""Failures, one of a replacement among them, after which a job ends that no process has ever joined."""

FAILURES_TO_AVOID_HOST = 3
"""Failures on one host, while other hosts have none, after which new processes keep away from it."""

START_FAILURES_TO_AVOID_HOST = 2
"""The number that takes the place of `FAILURES_TO_AVOID_HOST` where the processes ended before they joined."""

_WRONG_ENVIRONMENT = re.compile(r"^(?:yarnml: |ModuleNotFoundError: |ImportError: )", re.M)


class ExitKind(Enum):
    """The way in which a process ended, and whether it counts as a failure of the job.

    ``word``: its name in docs/faults.md.
    """

    PREEMPTED = "preempted", False
    NODE_LOST = "node lost", False
    GIVEN_BACK = "given back", False  # its node is avoided
    MEMORY = "out of memory", True
    SIGNAL = "signal", True
    EXIT = "exit", True
    SILENT = "silent", True
    STALLED = "stalled", True
    WRONG_STATE = "wrong state", True  # other bits than most have
    BROKEN = "broken", True  # a stream broke, and no process can be blamed
    CREDENTIALS = "no credentials", False  # a storage refused it, since the job's delegation token has ended
    ENVIRONMENT = "wrong environment", True  # it could not begin: no Python, another yarnml, an import that fails

    def __init__(self, word: str, counts: bool) -> None:
        self.word = word
        self.counts = counts


@dataclass(frozen=True)
class Exit:
    """The end of one process: by itself, by the cluster, or because the master removed it.

    Attributes:
        why: the sentence for the user, with the name of the process.
        log: the end of the process's log, where there is one.
        host: the machine it ran on; empty where that is not known.
        size: which of the memory sizes of its role it had, 0 for what the job file says.
        joined: False for a process that ended before it joined.
        replaces: True for a process that was requested after the job's start, most often because another one failed.
    """

    role: Role
    kind: ExitKind
    why: str
    log: str = ""
    host: str = ""
    size: int = 0
    joined: bool = True
    replaces: bool = False


@dataclass(frozen=True)
class Replace:
    """The decision to ask for another process, of this size; new ones keep away from the host ``avoid``, if any."""

    words: str
    size: int = 0
    avoid: str = ""


@dataclass(frozen=True)
class Stop:
    """The decision to end the job.  ``environment``: what the user set up is wrong, and nothing was lost."""

    words: str
    environment: bool = False


Decision = Replace | Stop

Sizes = Mapping[Role, Sequence[str]]
"""By role, the memory that a process can be asked for with, in words; what the job file says comes first."""


def decide(exits: Sequence[Exit], max_failures: int, *, hosts: Collection[str], sizes: Sizes) -> Decision:
    """Decide what follows from the newest of ``exits``.

    Args:
        max_failures: failures that are forgiven, ``workers.max_failures``.
        hosts: of all processes that ever joined.
    """
    newest = exits[-1]
    role_sizes = sizes[newest.role]
    size = size_of(exits, newest.role, sizes)
    if newest.kind is ExitKind.ENVIRONMENT and not newest.joined and not hosts:
        return Stop(f"{newest.why.rstrip('.')}. The next one would end in the same way, so none is asked for.", True)
    if newest.kind is ExitKind.CREDENTIALS:
        return Stop(f"{newest.why.rstrip('.')}. The next one would be refused, too, so none is asked for.")
    if newest.kind is ExitKind.MEMORY and 0 < newest.size == len(role_sizes) - 1:
        return Stop(f"{newest.why.rstrip('.')}: {role_sizes[-1]}, the most that is tried, was not enough.")
    if not _counts(newest, sizes):
        larger = newest.kind is ExitKind.MEMORY
        words = f"{newest.why} (not counted; the next one gets {role_sizes[size]})" if larger else newest.why
        return Replace(words, size)
    failures = sum(_counts(exit, sizes) for exit in exits)
    if failures > max_failures:
        return Stop(f"{newest.why}: failure {failures}, with workers.max_failures {max_failures}.")
    if not hosts and failures >= MAX_FAILURES_WITHOUT_JOIN and any(exit.replaces for exit in exits):
        return Stop(f"{newest.why}: failure {failures}, and no process has ever joined.")
    count = f"failure {failures} of at most {max_failures}"
    if on_host := _failures_of_a_bad_host(exits, hosts, sizes):
        words = f"{newest.why} ({count}; {on_host} on {newest.host} and none elsewhere, so new ones keep away from it)"
        return Replace(words, size, newest.host)
    return Replace(f"{newest.why} ({count})", size)


def size_of(exits: Sequence[Exit], role: Role, sizes: Sizes) -> int:
    """The memory size of new processes of a role: what was too little for one is not given to the next."""
    needed = [exit.size + (exit.kind is ExitKind.MEMORY) for exit in exits if exit.role == role]
    return min(max(needed, default=0), len(sizes[role]) - 1)


def kind_of_failure(text: str) -> ExitKind:
    """Find the kind of a failure by the words of a process about it, such as its log."""
    if TOKEN_ENDED in text:
        return ExitKind.CREDENTIALS
    return ExitKind.ENVIRONMENT if _WRONG_ENVIRONMENT.search(text) else ExitKind.EXIT


def _counts(exit: Exit, sizes: Sizes) -> bool:
    """Tell whether an exit is a failure; too little memory is none as long as there is a larger size."""
    return exit.kind.counts and not (exit.kind is ExitKind.MEMORY and exit.size < len(sizes[exit.role]) - 1)


def _failures_of_a_bad_host(exits: Sequence[Exit], hosts: Collection[str], sizes: Sizes) -> int:
    """Count the failures on the newest exit's host; 0 where they don't suffice to avoid it."""
    host = exits[-1].host
    failures = [exit for exit in exits if exit.host and _counts(exit, sizes)]
    on_host = [exit for exit in failures if exit.host == host]
    fails_elsewhere = len(on_host) < len(failures)
    is_only_host = bool(hosts) and set(hosts) <= {host}
    if fails_elsewhere or is_only_host:
        return 0
    starts = sum(not exit.joined for exit in on_host)
    bad_start = starts >= START_FAILURES_TO_AVOID_HOST and not exits[-1].joined
    return len(on_host) if len(on_host) >= FAILURES_TO_AVOID_HOST or bad_start else 0
