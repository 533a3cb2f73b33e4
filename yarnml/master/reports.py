"""What the workers' reports of one meeting say together."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from yarnml.control.commands import Failed, Report
from yarnml.errors import WorkerLost, YarnmlError, named

Kind = TypeVar("Kind")


def all_of(reports: Mapping[int, Report], kind: type[Kind]) -> list[Kind]:
    """The reports of the workers that had something to do, one at least."""
    found: list[Kind] = [report for report in reports.values() if isinstance(report, kind)]
    if not found:
        raise WorkerLost(f"No worker answered with {kind.__name__}.")
    return found


def first_of(reports: Mapping[int, Report], kind: type[Kind]) -> Kind:
    """The first of them: they agree, to the bit."""
    return all_of(reports, kind)[0]


def cause(failed: Sequence[Failed]) -> YarnmlError:
    """The error to raise for failed reports: an error of the job itself before a lost stream."""
    worst = next((f for f in failed if f.error != WorkerLost.__name__), failed[0])
    return named(worst.error)(worst.text, worst.detail)
