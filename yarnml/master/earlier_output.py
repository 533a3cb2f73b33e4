"""The output of a job that applies a model, as it finds it when it starts: none, or that of an earlier run of it."""

from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import msgspec

from yarnml import storage
from yarnml.errors import ExportError, translated
from yarnml.job.rows_job import RowsJob
from yarnml.storage import integrity

UNREADABLE = (OSError, *integrity.UNDECODABLE, msgspec.ValidationError, LookupError, TypeError)
"""All that reading an output raises which is not of such a job."""

_End = TypeVar("_End")


def is_there(job: RowsJob) -> bool:
    """Tell whether a job's output exists."""
    with translated(ExportError, f"{job.folder_field} {job.output} can't be looked at"):
        return storage.exists(job.output)


def earlier_end(job: RowsJob, kind: str, read: Callable[[], _End | None]) -> _End | None:
    """Return the end of an earlier run of a job, None where there is no output; refuse any other output.

    ``kind``: file or folder.
    ``read``: reads the output: the end that it tells of, None where that is another job's; may raise `UNREADABLE`.
    """
    if not is_there(job):
        return None
    with suppress(*UNREADABLE):
        if end := read():
            return end
    raise ExportError(
        f"{job.folder_field} {job.output} exists and holds something else; choose another {kind}, or remove it."
    )
