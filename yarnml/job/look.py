"""A job that looks at data before there is a job that learns from them: a job file with the section ``look``."""

from typing import Annotated, ClassVar

from msgspec import Meta

from yarnml.job.fields import LARGEST_INT
from yarnml.job.rows_job import RowsJob, RowsSection


class Look(RowsSection, frozen=True, kw_only=True):
    """Rows to look at, and where what was seen goes.

    ``output``: a new JSON file.
    ``rows``: read only so many of the first rows, or a few more, since groups are read as a whole.
    """

    rows: Annotated[int, Meta(ge=1, le=LARGEST_INT)] | None = None


class DataLook(RowsJob, frozen=True, kw_only=True):
    """One look at data; a `yarnml.job.base.BaseJob`."""

    SECTION: ClassVar[str] = "look"

    look: Look
