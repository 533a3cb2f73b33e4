"""Recommendations by a model of two towers: of the items in a table, those whose vectors have the largest products."""

from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from msgspec.structs import replace

from yarnml.data.arrays import Array, one_array, places_within
from yarnml.errors import DataError
from yarnml.events.text import count_of
from yarnml.model.top_items import Factors, Seen, Side
from yarnml.model.towers import Tower, Vectors
from yarnml.model.versions import Content
from yarnml.sparse.run import Keys


class TowersRecommender:
    """A recommender whose users are queries: the rows of a table, in their order.

    Of rows of items with the same id the first counts.

    ``names``: of the tables of users and of items, for errors.
    """

    def __init__(self, content: Content, users: pa.Table, items: pa.Table, names: tuple[str, str]) -> None:
        self._query = Tower("query", content)
        self._item = Tower("item", content)
        self._queries = self._query.vectors(users, names[0])
        catalog = self._item.vectors(items, names[1])
        keys, first = np.unique(catalog.keys, return_index=True)
        self._items = catalog.take(np.sort(first[keys != 0]))
        self.factors = Factors(_side(self._queries), _side(self._items), 0.0)
        self.users: Array = np.arange(len(self._queries.keys))
        unknown = f"{count_of(self._queries.unknown, 'user')} and {count_of(catalog.unknown, 'item')}"
        self.left_out = (
            f"; {unknown} left out, of which the model knows nothing" if self._queries.unknown + catalog.unknown else ""
        )
        self.pair = replace(content.schema, features=(self._query.id, self._item.id))

    def pairs(self, tables: Iterable[pa.Table], where: str) -> Seen:
        if not self._query.id.is_keyed:
            name = self._query.id.name
            raise DataError(
                f"{where}: users are told apart by the first column of the query, and '{name}' becomes no keys; leave "
                "pairs out, or train with another column in front in data.features."
            )
        made = [(self._query.keys(table, where), self._item.keys(table, where)) for table in tables]
        users, items = (np.concatenate(keys) for keys in zip(*made, strict=True))
        is_user = users != 0
        users = users[is_user]
        items = items[is_user]
        numbers = _numbers(items, self._items.keys)
        order = np.argsort(users, kind="stable")
        users = users[order]
        numbers = numbers[order]
        first = np.searchsorted(users, self._queries.keys)
        counts = np.searchsorted(users, self._queries.keys, side="right") - first
        return Seen(np.repeat(self.users, counts), numbers[np.repeat(first, counts) + places_within(counts)])

    def named(self, table: pa.Table) -> pa.Table:
        for place, vectors in enumerate((self._queries, self._items)):
            column = one_array(vectors.ids).take(one_array(table.column(place)))
            table = table.set_column(place, table.column_names[place], column)
        return table


def _side(vectors: Vectors) -> Side:
    return Side(vectors.vectors, np.zeros(len(vectors.vectors), np.float32))


def _numbers(keys: Keys, known: Keys) -> Array:
    """The place of each key among those that are known; of others a number below 0, the same for the same key."""
    order = np.argsort(known)
    places = np.minimum(np.searchsorted(known, keys, sorter=order), max(0, len(known) - 1))
    numbers = np.asarray(order[places] if len(known) else places, np.int64)
    is_known = (known[numbers] == keys) if len(known) else np.zeros(len(keys), bool)
    _, unknown = np.unique(keys, return_inverse=True)
    return np.where(is_known, numbers, -1 - unknown)
