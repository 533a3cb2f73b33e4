"""The meaning of all workers' reports on one command, taken together."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from yarnml.control.reports import Failed, Report
from yarnml.errors import WorkerLost, YarnmlError, named

Kind = TypeVar("Kind")


def all_of(reports: Mapping[int, Report], kind: type[Kind]) -> list[Kind]:
    """The reports of one kind: those of the workers that had something to do.  WorkerLost where there is none."""
    matching: list[Kind] = [report for report in reports.values() if isinstance(report, kind)]
    if not matching:
        raise WorkerLost(f"No worker answered with {kind.__name__}.")
    return matching


def first_of(reports: Mapping[int, Report], kind: type[Kind]) -> Kind:
    """The first report of one kind, for reports that agree to the bit.  WorkerLost where there is none."""
    return all_of(reports, kind)[0]


def cause(failed: Sequence[Failed]) -> YarnmlError:
    """The error to raise for failed reports: an error of the job itself before a lost stream, its consequence."""
    worst = next((f for f in failed if f.error != WorkerLost.__name__), failed[0])
    return named(worst.error)(worst.text, worst.detail)
