"""Ratings, the common part of their learners: rows of (user, item, rating), and a score out of the factors of both.

A user or an item is a whole number from 0 on; float32 holds those below 2**24 exactly.  A number that is none of them
is an unknown user or item, whose factors are 0.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from yarnml.data.schema import Schema
from yarnml.errors import DataError, JobFileError
from yarnml.job.learners import Als, Factorization
from yarnml.job.prepare import Category
from yarnml.learners.base import Batch, Check, flat
from yarnml.learners.checks import needs_number_label

Ratings = Als | Factorization


def _check_columns(options: Ratings, schema: Schema) -> None:
    """Refuse columns whose rows are no ratings, by a JobFileError."""
    needs_number_label(schema, options.kind)
    if schema.width != 2:
        raise JobFileError(
            f"learner.kind {options.kind} needs two features, the numbers of the user and of the item, "
            f"but data.features holds {schema.width} numbers."
        )


class Counts(NamedTuple):
    """The numbers of users and items that a model has room for."""

    users: int
    items: int


def counts_of(options: Ratings, schema: Schema) -> Counts:
    """The numbers that the job file gives, or else those of the ids of both columns.

    Raises JobFileError for columns whose rows are no ratings, and where nothing tells the numbers.
    """
    _check_columns(options, schema)
    given = [options.users, options.items]
    steps = [feature.steps[-1] if feature.steps else None for feature in schema.features]
    if len(steps) == len(given):
        known = [
            len(step.values or ()) + (step.min_count > 1) if isinstance(step, Category) else None for step in steps
        ]
        given = [count or ids for count, ids in zip(given, known, strict=True)]
    users, items = given
    if users is None or items is None:
        field = "users" if users is None else "items"
        raise JobFileError(
            f"learner.kind {options.kind} needs learner.{field}, how many there are, or category of data.prepare for "
            "their column, which finds their ids."
        )
    return Counts(users, items)


def names_of(schema: Schema) -> list[str]:
    """The names of the user's and the item's column; one list column may hold both."""
    names = [f.name for f in schema.features]
    return names if len(names) == 2 else names * 2


def check_of(options: Ratings, counts: Counts, schema: Schema) -> Check:
    """A check that refuses users and items that are not numbered as the job file says, and amounts below 0."""
    columns = list(zip(names_of(schema), Counts._fields, counts, strict=True))

    def check(rows: Batch) -> None:
        counts = rows.weight > 0
        numbers = flat(rows.x[counts])
        y = rows.y[counts]
        for column, (name, field, count) in zip(numbers.T, columns, strict=True):
            bad = column[~((column >= 0) & (column < count) & (column == np.floor(column)))]
            if len(bad):
                raise DataError(
                    f"Feature '{name}' holds {bad[0]:.10g}, but learner.kind {options.kind} needs whole numbers from 0 "
                    f"to {count - 1}, as learner.{field} is {count}; number them so, or raise learner.{field}."
                )
        if options.feedback == "implicit" and (y < 0).any():
            raise DataError(
                f"Label '{schema.label}' holds {y.min():g}, but learner.feedback implicit needs amounts of 0 or more; "
                "drop or repair these rows, or choose explicit."
            )

    return check


def numbers(x: jax.Array, count: int) -> jax.Array:
    """The numbers x [rows] as int32 where they are among 0 … ``count`` - 1, else ``count``."""
    known = (x >= 0) & (x < count) & (x == jnp.floor(x))
    return jnp.where(known, x, float(count)).astype(jnp.int32)


def look_up(table: jax.Array, number: jax.Array) -> jax.Array:
    """Rows of a table by their numbers; 0 for a number that is none of its rows."""
    return jnp.take(table, number, axis=0, mode="fill", fill_value=0)


def score(parameters: Any, x: jax.Array) -> jax.Array:
    """The user's factors · the item's factors of every row, [rows], plus the ``offset`` of each where there are any.

    x [rows, 2].
    """
    pairs = []
    for side, column in (("users", 0), ("items", 1)):
        table = parameters[side]
        number = numbers(flat(x)[:, column], len(table["factors"]))
        pairs.append({name: look_up(values, number) for name, values in table.items()})
    product = jnp.sum(pairs[0]["factors"] * pairs[1]["factors"], axis=1)
    return sum((side["offset"] for side in pairs if "offset" in side), product)
