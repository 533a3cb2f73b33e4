"""Jobs that read rows and write one output: job files with one section that says how, instead of data and learner."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import msgspec

from yarnml.errors import JobFileError
from yarnml.job import paths
from yarnml.job.base import check_processes
from yarnml.job.csv import Csv, check_csv
from yarnml.job.explain import check_keys, explain
from yarnml.job.fields import FormatName, Section, Url, Urls
from yarnml.job.no_training import NoTraining
from yarnml.job.places import absolute_environment, absolute_path, absolute_paths


class RowsSection(Section, frozen=True, kw_only=True):
    """Rows, and where the result goes.

    ``data``, ``format``, ``csv``: as in a training.
    """

    data: Urls
    output: Url
    format: FormatName = "auto"
    csv: Csv | None = None


class ModelRows(RowsSection, frozen=True, kw_only=True):
    """A stored model, rows that it is applied to, and where the result goes.

    ``model``: a version, an alias of one, or the folder of its versions.
    """

    model: Url


class RowsJob(NoTraining, frozen=True, kw_only=True):
    """One job that does something with rows; ``SECTION`` is the field that says what."""

    SECTION: ClassVar[str]
    NEW_COLUMNS: ClassVar[Sequence[str]] = ()
    """Columns of the output, whose names no kept column may have."""

    @property
    def rows(self) -> RowsSection:
        section: RowsSection = getattr(self, self.SECTION)
        return section

    @property
    def output(self) -> str:
        return self.rows.output.rstrip("/")

    @property
    def folder(self) -> str:
        """A hidden folder beside the output, with all that is done until that is whole; the history stays in it."""
        return paths.beside_output(self.output, self.SECTION)

    @property
    def folder_field(self) -> str:
        return f"{self.SECTION}.output"

    @property
    def urls(self) -> dict[str, str]:
        rows = self.rows
        data = rows.data if isinstance(rows.data, list) else [rows.data]
        field = f"{self.SECTION}.data"
        named = {field if n == 0 else f"{field}[{n}]": url for n, url in enumerate(data)}
        model = {f"{self.SECTION}.model": rows.model} if isinstance(rows, ModelRows) else {}
        return {**model, **named, f"{self.SECTION}.output": rows.output}


_Job = TypeVar("_Job", bound=RowsJob)


def rows_document(section: str, values: Mapping[str, Any], workers: int | None) -> dict[str, Any]:
    """The document of a job that a command line asks for; its name is that of the output."""
    last = str(values["output"]).rstrip("/").rpartition("/")[2]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", last).lstrip("._-")[:100] or section
    document = {"name": name, section: dict(values)}
    return document | ({"workers": {"count": workers}} if workers else {})


def make_rows_job(document: Mapping[str, Any], kind: type[_Job], folder: Path) -> _Job:
    """Check the document of a job of this kind, and make its relative paths absolute, from ``folder`` on.

    Raises JobFileError with the field, what it must be and what was found.
    """
    check_keys(document, kind, "")
    try:
        job = msgspec.convert(document, kind)
    except msgspec.ValidationError as exc:
        raise JobFileError(explain(str(exc), document, kind)) from exc
    check_processes(job)
    _check_columns(job, getattr(job.rows, "keep", []))
    if job.rows.csv:
        check_csv(job.rows.csv, f"{kind.SECTION}.csv")
    return _resolve(job, folder)


def _check_columns(job: RowsJob, keep: Sequence[str]) -> None:
    """Refuse kept columns that come twice, or have the name of a new one."""
    field = f"{job.SECTION}.keep"
    for name in keep:
        if keep.count(name) > 1:
            raise JobFileError(f"{field} names the column '{name}' twice; name each column once.")
        if name in job.NEW_COLUMNS:
            raise JobFileError(f"{field} can't keep a column '{name}': the output has one of that name.")


def _resolve(job: _Job, folder: Path) -> _Job:
    replace = msgspec.structs.replace
    section = job.SECTION
    rows = replace(
        job.rows,
        data=absolute_paths(f"{section}.data", job.rows.data, folder),
        output=absolute_path(f"{section}.output", job.rows.output, folder),
    )
    if isinstance(rows, ModelRows):
        rows = replace(rows, model=absolute_path(f"{section}.model", rows.model, folder))
    changes: dict[str, Any] = {section: rows, "environment": absolute_environment(job.environment, folder, None)}
    return replace(job, **changes)
