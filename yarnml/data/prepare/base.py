"""The protocol of a kind of step, and how a column's steps are followed.

A step is a struct of `yarnml.job.prepare`; its kind names the module that knows what to do with it.
"""

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, cast

import msgspec
import pyarrow as pa

from yarnml.data.arrays import Array, is_number
from yarnml.data.hints import hint
from yarnml.data.keys import KeyRows
from yarnml.data.prepare.findings import Finding
from yarnml.data.prepare.labels import TrainingRows
from yarnml.errors import DataError, JobFileError
from yarnml.job.prepare import Step

NUMBERS = pa.list_(pa.float32())
"""Stands for a matrix: the type of a column that can't be prepared any further."""

TEXT = (
    "one_hot",
    "category",
    "embedding",
    "frequency",
    "hash",
    "text",
    "tfidf",
    "tokens",
    "hashed_tokens",
    "pieces",
    "key",
    "datetime",
    "target",
    "cross",
)
"""The kinds that make numbers of text."""


class Kind(Protocol):
    """One kind of step.  Columns come as single arrays of plain types, see `yarnml.data.arrays.one_array`.

    A step that joins several columns gets them as one, a struct with a field for each.

    ``where``, in all methods: the file and the column, as errors name them.
    """

    def needs(self, step: Step, kind: pa.DataType) -> str | None:
        """The content, in words, that the column must have instead of ``kind``; None where it will do."""

    def gives(self, step: Step, kind: pa.DataType) -> pa.DataType:
        """The type of the column afterwards; `NUMBERS` where only the learner can take it."""

    def find(self, step: Step, column: pa.Array, where: str) -> Finding | None:
        """The finding of some rows of the training data; None where nothing is to be learnt."""

    def learn(self, step: Step, finding: Finding, where: str) -> Step:
        """The step with the field that it lacked, from the finding of the whole training data."""

    def names(self, step: Step, column: str) -> list[str]:
        """A name for each number that a row becomes."""

    def apply(self, step: Step, column: pa.Array, where: str) -> pa.Array | Array | KeyRows:
        """The column filled, or its numbers [rows, numbers], or its keys.

        DataError, which names ``where``, for values that can't be taken.
        """


class LabelKind(Kind, Protocol):
    """A kind of step that learns from the labels of the training rows.

    Nothing that a training row becomes may hang on its own label, so these rows have a method of their own.
    """

    def find_by_label(self, step: Step, column: pa.Array, rows: TrainingRows, where: str) -> Finding:
        """The finding of some rows of the training data, in the place of `find`."""

    def apply_to_training_rows(self, step: Step, column: pa.Array, rows: TrainingRows, where: str) -> Array:
        """The numbers of rows to train on, in the place of those of `apply`."""


def label_kind_of(step: Step) -> LabelKind:
    """The module of the kind of a step that sees labels."""
    return cast("LabelKind", kind_of(step))


def kind_of(step: Step) -> Kind:
    """The module of a step's kind."""
    return cast("Kind", importlib.import_module(f"yarnml.data.prepare.{step.kind}"))


def lacks(step: Step) -> bool:
    """Tell whether the step has something to learn from the training data."""
    return any(getattr(step, name, True) is None for name in ("value", "values", "edges"))


@contextmanager
def arrow_errors(step: Step, column: pa.Array, where: str) -> Iterator[None]:
    """Raise Arrow's errors as DataError: a file or table has a column of another type than the plan saw."""
    try:
        yield
    except (pa.ArrowException, OverflowError) as exc:
        reason = str(exc).splitlines()[0].rstrip(".")
        raise DataError(f"{where} holds {column.type}, which {step.kind} can't take here: {reason}.") from exc


def follow(
    steps: Sequence[Step], column: pa.Array, name: str, where: str, rows: TrainingRows | None = None
) -> pa.Array | Array | KeyRows:
    """Apply a column's steps in order; ``rows``: where these are rows to train on."""
    place = f"{where}: column '{name}'"
    for step in steps:
        with arrow_errors(step, column, place):
            if rows and step.SEES_LABEL:
                column = label_kind_of(step).apply_to_training_rows(step, column, rows, place)
            else:
                column = kind_of(step).apply(step, column, place)
    return column


def chain(steps: Sequence[Step], name: str, kind: pa.DataType, url: str) -> tuple[Step, ...]:
    """The job file's ``steps`` for one column of type ``kind``, each as this column's own, or its own already.

    JobFileError where a step can't take what the column then holds, or where text is left in the end.
    """
    own = tuple(step if step.JOINS else msgspec.structs.replace(step, columns=[name]) for step in steps)
    state = f"column '{name}' of {url} holds {kind}"
    for number, step in enumerate(own):
        if needed := kind_of(step).needs(step, kind):
            raise JobFileError(f"data.prepare: {step.kind} needs {needed}, but {state}{hint(kind)}.")
        if number and kind == NUMBERS:
            raise JobFileError(f"data.prepare: {step.kind} can't follow, since {state}; remove one of the two.")
        kind = kind_of(step).gives(step, kind)
        state = f"column '{name}' holds {'what only a learner takes' if kind == NUMBERS else kind} after {step.kind}"
    if own and kind != NUMBERS and not is_number(kind):
        raise JobFileError(f"data.prepare: {state}; add one of {', '.join(TEXT)} to make numbers of it.")
    return own
