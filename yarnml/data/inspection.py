"""A look into the files of every dataset that a job names: the first step of its plan."""

from collections.abc import Callable, Iterator
from functools import partial

from yarnml.data.base import Dataset
from yarnml.data.binding import uses_of
from yarnml.data.dataset import inspect_layouts, with_elements
from yarnml.data.elements import name_of
from yarnml.data.layouts import Layout
from yarnml.data.snapshots.base import Version
from yarnml.errors import JobFileError
from yarnml.job.conditions import columns_of
from yarnml.job.data import HoldOut
from yarnml.job.spec import Data
from yarnml.job.where import parse_condition

Inspected = tuple[Dataset, list[Layout]]


def inspect_datasets(data: Data, earlier: Callable[[str], int | None]) -> tuple[dict[str, Inspected], set[str]]:
    """Look into the files of each dataset that has its own; also tell the elements of lists and maps that it names.

    ``earlier``: tells of a dataset which version of a table the job has read before.
    """
    paths = {"train": data.train, "validation": data.validation, "test": data.test}
    inspected = {
        name: inspect_layouts(path, data.format, f"data.{name}", data.csv, partial(_version, data, name, earlier))
        for name, path in paths.items()
        if isinstance(path, str | list)
    }
    if data.version is not None and inspected["train"][0].snapshot is None:
        raise JobFileError(f"data.version is for Delta and Iceberg tables, not for {data.train}; remove it.")
    names = set(_names(data))
    complete = {name: with_elements(*files, names) for name, files in inspected.items()}
    new = set(complete["train"][0].paths) - set(inspected["train"][0].paths)
    return complete, set(map(name_of, new))


def _version(data: Data, name: str, earlier: Callable[[str], int | None]) -> Version:
    """The version of a dataset's table to read: what the job file says, or else what an earlier run has read."""
    given = data.version if name == "train" else None
    return earlier(name) if given is None else given


def _names(data: Data) -> Iterator[str]:
    """All that a job file says in the place of a column, patterns too."""
    yield from (use.name for use in uses_of(data))
    yield from data.types
    yield from columns_of(parse_condition(data.where)) if data.where else ()
    yield from (name for step in data.prepare for name in step.columns)
    if isinstance(data.validation, HoldOut):
        yield from filter(None, (data.validation.by, data.validation.group))
