"""The meaning of all workers' reports on one command, taken together."""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from yarnml.control.commands import Survey
from yarnml.control.reports import Failed, Report, Surveyed
from yarnml.data.schema import Schema
from yarnml.data.survey import columns_to_survey, merge_findings, with_findings
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


def surveyed(schema: Schema, survey: Callable[[Survey], Mapping[int, Report]]) -> Schema:
    """The schema with what all workers find that it lacks.

    Several surveys may follow each other: a column's step may learn from what an earlier one makes of it.

    ``survey``: has all workers carry one out.
    """
    while columns_to_survey(schema):
        reports = all_of(survey(Survey(schema)), Surveyed)
        schema = with_findings(schema, merge_findings(report.findings for report in reports))
    return schema


def cause(failed: Sequence[Failed]) -> YarnmlError:
    """The error to raise for failed reports: an error of the job itself before a lost stream, its consequence."""
    worst = next((f for f in failed if f.error != WorkerLost.__name__), failed[0])
    return named(worst.error)(worst.text, worst.detail)
