"""Recommenders of items to users: models of ratings, and models of two towers."""

from collections.abc import Iterable
from typing import Any, Protocol

import pyarrow as pa

from yarnml.data.arrays import Array
from yarnml.data.schema import Schema
from yarnml.data.tables import table_of
from yarnml.errors import DataError, ExportError
from yarnml.model.rating_ids import RatingsRecommender
from yarnml.model.top_items import NOTHING, Factors, Seen, best
from yarnml.model.tower_recommender import TowersRecommender
from yarnml.model.towers import KIND
from yarnml.model.versions import Content


class Recommender(Protocol):
    """Users and items by numbers, with what ranks them.

    ``users``: the numbers of those to recommend to.  ``left_out``: words about those who are not; empty for none.
    ``pair``: the columns of a table that hold a user and an item.
    """

    factors: Factors
    users: Array
    left_out: str
    pair: Schema

    def pairs(self, tables: Iterable[pa.Table], where: str) -> Seen:
        """The pairs of user and item in tables, by their numbers; those of unknown items are below 0.

        ``where``: the name of the tables in errors.
        """

    def named(self, table: pa.Table) -> pa.Table:
        """A table of best items with ids in the place of numbers."""


def recommender_of(content: Content, users: Any, items: Any, names: tuple[str, str]) -> Recommender:
    """The recommender of a model.

    ``users``: of a model of ratings their ids, None for all; of two towers a table with the columns of the query.
    ``items``: of two towers a table with the columns of the item.
    ``names``: of what users and items were given as, for errors.
    Raises ExportError for another model, and for tables that are missing, or given though there is no use for them.
    """
    if content.about["learner"]["kind"] != KIND:
        if items is not None:
            raise ExportError(f"A model of ratings has its items in itself; leave {names[1]} out.")
        return RatingsRecommender(content, users)
    return TowersRecommender(content, _table(users, names[0]), _table(items, names[1]), names)


def _table(given: Any, name: str) -> pa.Table:
    table = table_of(given, "recommend")
    if table is None:
        what = "nothing" if given is None else f"a {type(given).__name__}"
        raise ExportError(f"A model of two towers needs {name} as a table of its columns, got {what}.")
    return table


def recommended(content: Content, users: Any, items: Any, top: int, without: Any) -> pa.Table:
    """Tabulate the best items of users, see `yarnml.model.model.Model.recommend`."""
    recommender = recommender_of(content, users, items, ("users", "items"))
    seen = NOTHING
    if without is not None:
        table = table_of(without, "recommend")
        if table is None:
            raise DataError(f"recommend needs without as a table, got a {type(without).__name__}.")
        seen = recommender.pairs([table], "the table without").known
    return recommender.named(pa.concat_tables(best(recommender.factors, recommender.users, top, seen)))
