"""What to do when a process of a job has ended or is lost: the failure policy, as a pure function with one table.

The newest end, those before it and what the job may spend go in; a `Decision` and the sentence for the user come out.
The same table, in words for users, is docs/faults.md.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

HOPELESS = 3  # failures, of a replacement among them, after which a job ends that nobody ever joined
BAD_NODE = 3  # failures on one host, while the others have none, after which it is avoided
BAD_START = 2  # the same, of processes that ended before they joined

_WRONG = re.compile(r"^(?:yarnml: |ModuleNotFoundError: |ImportError: )", re.M)


class ExitKind(Enum):
    """How a process ended, and whether that is a failure of the job, which is counted."""

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
    ENVIRONMENT = "wrong environment", True  # it could not begin: no Python, another yarnml, an import that fails

    def __init__(self, word: str, counts: bool) -> None:
        self.word, self.counts = word, counts


@dataclass(frozen=True)
class End:
    """One process that ended or was let go: its role, how, and the sentence that tells so.

    ``host`` is empty where it is not known.  ``joined``: whether the process had come before the master.
    ``size``: which of the memory sizes of its role it had, 0 for what the job file says.  ``replaces``: whether it was
    asked for after the start, most often because another one had failed.
    """

    role: str
    kind: ExitKind
    why: str
    host: str = ""
    joined: bool = True
    size: int = 0
    replaces: bool = False


@dataclass(frozen=True)
class Replace:
    """Ask for another one, of this size; keep new ones away from the host ``avoid``, where there is one."""

    words: str
    size: int = 0
    avoid: str = ""


@dataclass(frozen=True)
class Stop:
    """The job ends.  ``environment``: it is what the user set up that is wrong, and nothing was lost."""

    words: str
    environment: bool = False


Decision = Replace | Stop

Sizes = Mapping[str, Sequence[str]]


def decide(ends: Sequence[End], most: int, *, hosts: Collection[str], sizes: Sizes) -> Decision:
    """What follows from the newest of ``ends``.

    ``most``: failures that are forgiven, `workers.max_failures`.  ``hosts``: of all that ever joined.  ``sizes``: the
    memory that processes of a role can be asked for with, in words, what the job file says first.
    """
    end, own = ends[-1], sizes[ends[-1].role]
    size = size_of(ends, end.role, sizes)
    if end.kind is ExitKind.ENVIRONMENT and not end.joined and not hosts:
        return Stop(f"{end.why.rstrip('.')}. The next one would end in the same way, so none is asked for.", True)
    if end.kind is ExitKind.MEMORY and 0 < end.size == len(own) - 1:
        return Stop(f"{end.why.rstrip('.')}: {own[-1]}, the most that is tried, was not enough.")
    if not _counts(end, sizes):
        larger = end.kind is ExitKind.MEMORY
        return Replace(f"{end.why} (not counted; the next one gets {own[size]})" if larger else end.why, size)
    number = sum(_counts(e, sizes) for e in ends)
    if number > most:
        return Stop(f"{end.why}: failure {number}, with workers.max_failures {most}.")
    if not hosts and number >= HOPELESS and any(e.replaces for e in ends):
        return Stop(f"{end.why}: failure {number}, and no process has ever joined.")
    count = f"failure {number} of at most {most}"
    if there := _failures_of_a_bad_node(ends, hosts, sizes):
        words = f"{end.why} ({count}; {there} on {end.host} and none elsewhere, so new ones keep away from it)"
        return Replace(words, size, end.host)
    return Replace(f"{end.why} ({count})", size)


def size_of(ends: Sequence[End], role: str, sizes: Sizes) -> int:
    """The size that new processes of this role get: what was too little for one is not given to the next."""
    needed = [end.size + (end.kind is ExitKind.MEMORY) for end in ends if end.role == role]
    return min(max(needed, default=0), len(sizes[role]) - 1)


def misses_its_environment(log: str) -> bool:
    """Whether a log tells of Python, yarnml or a module that is not there, or not the right one."""
    return bool(_WRONG.search(log))


def _counts(end: End, sizes: Sizes) -> bool:
    """Whether it is a failure; too little memory is none as long as there is a larger size."""
    return end.kind.counts and not (end.kind is ExitKind.MEMORY and end.size < len(sizes[end.role]) - 1)


def _failures_of_a_bad_node(ends: Sequence[End], hosts: Collection[str], sizes: Sizes) -> int:
    """How many failures the newest end's host has, where that is enough to avoid it; else 0."""
    host = ends[-1].host
    counted = [end for end in ends if end.host and _counts(end, sizes)]
    here = [end for end in counted if end.host == host]
    if len(here) < len(counted) or (hosts and set(hosts) <= {host}):
        return 0
    bad_start = sum(not end.joined for end in here) >= BAD_START and not ends[-1].joined
    return len(here) if len(here) >= BAD_NODE or bad_start else 0
