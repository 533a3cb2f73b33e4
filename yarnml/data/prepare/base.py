"""The protocol of a kind of step, and how a column's steps are followed.

A step is a struct of `yarnml.job.prepare`; its kind names the module that knows what to do with it.
"""

import importlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol, cast

import msgspec
import pyarrow as pa

from yarnml.data.arrays import Matrix, float32, is_number
from yarnml.data.prepare.findings import Finding
from yarnml.errors import DataError, JobFileError
from yarnml.job.prepare import Step

NUMBERS = pa.list_(pa.float32())  # stands for a matrix: what a column is once it can't be prepared any further
TEXT = ("one_hot", "category", "hash", "text", "tokens", "hashed_tokens")  # the kinds that make numbers of text


class Kind(Protocol):
    """One kind of step.  Columns come as single arrays, dictionaries decoded.

    ``READ``: the type in which a format that only guesses types reads the column; None as it was guessed.
    """

    READ: pa.DataType | None

    def needs(self, step: Step, kind: pa.DataType) -> str | None:
        """What the column must hold instead of ``kind``, in words; None where it will do."""

    def gives(self, step: Step, kind: pa.DataType) -> pa.DataType:
        """The type of the column afterwards; `NUMBERS` where only the learner can take it."""

    def find(self, step: Step, column: pa.Array, where: str) -> Finding | None:
        """What some rows of the training data teach; None where nothing is to be learnt."""

    def learn(self, step: Step, found: Finding, where: str) -> Step:
        """The step with what it lacked, which the whole training data taught."""

    def names(self, step: Step, column: str) -> list[str]:
        """A name for each number that a row becomes."""

    def apply(self, step: Step, column: pa.Array, where: str) -> pa.Array | Matrix:
        """The column filled, or its numbers.  DataError, which names ``where``, for values that can't be taken."""


def kind_of(step: Step) -> Kind:
    return cast("Kind", importlib.import_module(f"yarnml.data.prepare.{step.kind}"))


def lacks(step: Step) -> bool:
    """Whether the step has something to learn from the training data."""
    return any(getattr(step, name, True) is None for name in ("value", "values", "edges"))


@contextmanager
def taking(step: Step, column: pa.Array, at: str) -> Iterator[None]:
    """What Arrow says of a column of another type than the plan saw, in a file or a table, is a DataError."""
    try:
        yield
    except (pa.ArrowException, OverflowError) as exc:
        reason = str(exc).splitlines()[0].rstrip(".")
        raise DataError(f"{at} holds {column.type}, which {step.kind} can't take here: {reason}.") from exc


def follow(steps: Sequence[Step], column: pa.Array, name: str, where: str) -> pa.Array | Matrix:
    """What becomes of a column along its steps."""
    at = f"{where}: column '{name}'"
    for step in steps:
        with taking(step, column, at):
            column = kind_of(step).apply(step, column, at)
    return column


def numbers(steps: Sequence[Step], column: pa.Array, name: str, where: str) -> Matrix:
    """float32 [rows, numbers]."""
    made = follow(steps, column, name, where)
    return float32(made, name, where)[:, None] if isinstance(made, pa.Array) else made


def chain(steps: Sequence[Step], name: str, kind: pa.DataType, url: str) -> tuple[Step, ...]:
    """The job file's steps for one column of type ``kind``, each as this column's own.

    JobFileError where a step can't take what the column then holds, or where text is left in the end.
    """
    own = tuple(msgspec.structs.replace(step, columns=[name]) for step in steps if name in step.columns)
    told = f"column '{name}' of {url} holds {kind}"
    for step in own:
        if needed := kind_of(step).needs(step, kind):
            raise JobFileError(f"data.prepare: {step.kind} needs {needed}, but {told}.")
        kind = kind_of(step).gives(step, kind)
        told = f"column '{name}' holds {'what only a learner takes' if kind == NUMBERS else kind} after {step.kind}"
    if own and kind != NUMBERS and not is_number(kind):
        raise JobFileError(f"data.prepare: {told}; add one of {', '.join(TEXT)} to make numbers of it.")
    return own
