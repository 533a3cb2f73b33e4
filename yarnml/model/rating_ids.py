"""The users' and items' own ids in a model of ratings whose columns are prepared by ``category``, and their numbers."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from yarnml.data.arrays import Array, one_array
from yarnml.data.lookup import places
from yarnml.data.schema import Feature, Schema
from yarnml.data.tables import column_of
from yarnml.errors import DataError
from yarnml.events.text import count_of
from yarnml.job.prepare import Category
from yarnml.model.pairs import pairs_of
from yarnml.model.top_items import Factors, Seen, Side, factors_of, known, seen_of
from yarnml.model.versions import Content


class RatingIds(NamedTuple):
    """The ids of users and of items, in the order of their numbers; None where columns hold the numbers themselves."""

    users: list[Any] | None
    items: list[Any] | None

    def named(self, table: pa.Table) -> pa.Table:
        """A table of best items with ids in the place of numbers."""
        for place, ids in enumerate(self):
            if ids is not None:
                column = pa.array(ids).take(one_array(table.column(place)))
                table = table.set_column(place, table.column_names[place], column)
        return table

    def restricted(self, factors: Factors) -> Factors:
        """The factors of users and items that have an id: rare ones that `category` joins have none."""
        users, items = (_first(side, ids) for side, ids in zip(factors[:2], self, strict=True))
        return factors._replace(users=users, items=items)


def ids_of(schema: Schema) -> RatingIds:
    """Find the ids in the columns of a model."""
    columns = [_values(feature) for feature in schema.features]
    return RatingIds(*columns) if len(columns) == len(RatingIds._fields) else RatingIds(None, None)


def numbers_of(users: Any, ids: RatingIds, factors: Factors) -> Array:
    """The numbers of users [n], which are given by their ids; None: of all who have ratings.

    DataError names a user whom the training data do not have, and one without ratings.
    """
    rated = factors.users.factors.any(axis=1) | (factors.users.offset != 0)
    if users is None:
        return np.flatnonzero(rated)
    numbers = known(users, factors) if ids.users is None else _places(users, ids.users)
    if len(numbers) and not rated[numbers].all():
        user = np.asarray(users)[~rated[numbers]][0]
        raise DataError(
            f"recommend was asked for the user {user!s}, of whom the training data have no ratings; leave such users "
            "out."
        )
    return numbers


class RatingsRecommender:
    """A recommender by a model of ratings.

    ``users``: the ids of users [n]; None: all who have ratings.
    """

    def __init__(self, content: Content, users: Any = None) -> None:
        self.pair = content.schema
        self._ids = ids_of(content.schema)
        self.factors = self._ids.restricted(factors_of(content.arrays))
        self.users = numbers_of(users, self._ids, self.factors)
        unrated = len(self.factors.users.factors) - len(self.users)
        self.left_out = f"; {count_of(unrated, 'user')} without ratings left out" if unrated else ""

    def pairs(self, tables: Iterable[pa.Table], where: str) -> Seen:
        return seen_of(np.concatenate([pairs_of(table, self.pair, where) for table in tables]), self.factors)

    def named(self, table: pa.Table) -> pa.Table:
        return self._ids.named(table)


def _values(feature: Feature) -> list[Any] | None:
    step = feature.steps[-1] if feature.steps else None
    return list(step.values or ()) if isinstance(step, Category) else None


def _first(side: Side, ids: list[Any] | None) -> Side:
    return side if ids is None else Side(side.factors[: len(ids)], side.offset[: len(ids)])


def _places(users: Any, ids: list[Any]) -> npt.NDArray[np.int64]:
    column = one_array(column_of(users, "recommend", "users"))
    try:
        numbers = places(column, ids)
    except (pa.ArrowException, OverflowError) as exc:
        raise DataError(f"recommend needs users such as {ids[0]!r}, not {column.type}.") from exc
    if numbers.null_count:
        unknown = column.filter(numbers.is_null())[0].as_py()
        raise DataError(
            f"recommend was asked for the user {unknown!r}, whom the training data do not have; leave such users out."
        )
    return np.asarray(numbers.to_numpy(zero_copy_only=False), np.int64)
