"""The membership of a job over time: when each process took part.  Pure."""

from collections.abc import Mapping

from yarnml.events.events import EvaluationResult, ExplanationResult, LookResult, Outcome, Predicted
from yarnml.events.measurements import ProcessesMeasured, ProcessPlaced, RunStarted
from yarnml.watch.run import Run

Span = tuple[float, float]
"""Seconds from which to which a process took part, since the first entry."""


def spans(run: Run) -> dict[str, list[Span]]:
    """The spans of every process but the master, by its name, in the order in which they came.

    A process takes part from one list of its role that has it to the last one before a list that has not.  Lists become
    rare with age, so the time between two of them tells nothing.
    """
    members: dict[str, list[Span]] = {}
    present: set[str] = set()
    zero = run.entries[0].time
    for entry in run.entries:
        at = entry.time - zero
        match entry.event:
            case RunStarted():
                present = set()
            case ProcessesMeasured(processes):
                names = {f"{use.role} {use.index}" for use in processes if use.role != "master"}
                if names:
                    _extend(members, names, present, at)
                    present = names
            case Outcome() | Predicted() | EvaluationResult() | ExplanationResult() | LookResult():
                _extend(members, present, present, at)
    return members


def logs(run: Run) -> dict[str, str]:
    """The addresses of the logs of the newest run's processes, by name."""
    return {placed.process: placed.log for when, placed in run.events_of(ProcessPlaced) if when >= run.began}


def present(run: Run) -> set[str]:
    """The names of the processes that take part: those in the newest list of their role."""
    newest: dict[str, set[str]] = {}
    for _, measured in run.uses:
        lists: dict[str, set[str]] = {}
        for use in measured.processes:
            lists.setdefault(use.role, set()).add(f"{use.role} {use.index}")
        newest |= lists
    return set().union(*newest.values())


def _extend(members: dict[str, list[Span]], names: set[str], before: set[str], at: float) -> None:
    """Lengthen the spans of those that were there before, and begin others."""
    for name in sorted(names, key=_order):
        listed = members.setdefault(name, [])
        if name in before:
            listed[-1] = (listed[-1][0], at)
        else:
            listed.append((at, at))


def eventful(spans: Mapping[str, list[Span]], count: int) -> dict[str, list[Span]]:
    """Choose ``count`` processes: those that came late, left early or came back before those that were always there."""
    begin = min((listed[0][0] for listed in spans.values()), default=0.0)
    end = max((listed[-1][1] for listed in spans.values()), default=0.0)
    always = [(begin, end)]
    chosen = sorted(spans, key=lambda name: (spans[name] == always, _order(name)))[:count]
    return {name: spans[name] for name in sorted(chosen, key=_order)}


def _order(name: str) -> tuple[str, int]:
    role, _, index = name.rpartition(" ")
    return role, int(index)
