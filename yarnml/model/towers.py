"""The vectors of queries and of items by a model of two towers: plain NumPy over its exported arrays and its table."""

from functools import partial
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from msgspec.structs import replace

from yarnml.data.arrays import Matrix
from yarnml.data.crosses import crosses_of
from yarnml.data.keys import KeyRows, no_keys
from yarnml.data.nested import with_named_parts
from yarnml.data.rows import features_of, keys_of
from yarnml.data.scaling import Scaling, scaled
from yarnml.data.schema import Feature, Schema, names_of_columns
from yarnml.data.types import in_types
from yarnml.job.prepare import Key
from yarnml.model.versions import Content
from yarnml.sparse.gathered import gather
from yarnml.sparse.run import Keys
from yarnml.sparse.stored import KEYS, weights_of
from yarnml.sparse.towers import EMBEDDING, SMALLEST_LENGTH

KIND = "two_tower"

ROWS_AT_ONCE = 1 << 16


class Vectors(NamedTuple):
    """The rows of a table as a tower sees them, but for those of which the model knows nothing.

    ``ids``: the column that tells rows apart.  ``keys`` [rows]: numbers of these ids, 0 for none.
    ``vectors``: float32 [rows, vector].  ``unknown``: the number of rows that were left out.
    """

    ids: pa.ChunkedArray
    keys: Keys
    vectors: Matrix
    unknown: int

    def take(self, places: npt.NDArray[np.int64]) -> "Vectors":
        """Some of the rows."""
        return self._replace(ids=self.ids.take(places), keys=self.keys[places], vectors=self.vectors[places])


class Tower:
    """One tower of a model, ``query`` or ``item``.

    ``id``: the column that tells its rows apart: the first.
    """

    def __init__(self, name: str, content: Content) -> None:
        items = content.about["learner"]["item"]
        own = [f for f in content.schema.features if (f.name in items) == (name == "item")]
        self.id = next(f for f in own if f.name == items[0]) if name == "item" else own[0]
        self.schema = _schema_of(own, content.schema)
        self._name = name
        self._table = {block: content.table[block] for block in (KEYS, EMBEDDING)}
        self._arrays = content.arrays
        numbers = content.schema.numbers
        of_own = np.repeat(np.array([f in own for f in numbers], bool), [f.width for f in numbers])
        self._scaling = Scaling(*(np.asarray(self._arrays[f"scaling/{n}"])[of_own] for n in ("mean", "factor")))

    @property
    def columns(self) -> list[str]:
        """The columns of a table that it needs."""
        return names_of_columns(self.schema.features)

    def vectors(self, table: pa.Table, where: str) -> Vectors:
        """The vectors of a table's rows.  ``where``: the name of the table in errors."""
        table = self._read(table)
        starts = range(0, max(1, len(table)), ROWS_AT_ONCE)
        made = [self._vectors(table.slice(low, ROWS_AT_ONCE), where) for low in starts]
        vectors, known = (np.concatenate(part) for part in zip(*made, strict=True))
        whole = Vectors(table.column(self.id.name), self._keys(table, where), vectors, int((~known).sum()))
        return whole.take(np.flatnonzero(known))

    def keys(self, table: pa.Table, where: str) -> Keys:
        """A number for the id of each row of a table, 0 for none, also where the id is a number that becomes no key."""
        return self._keys(self._read(table), where)

    def _keys(self, table: pa.Table, where: str) -> Keys:
        keys = keys_of(table, _schema_of([self.id], self.schema), where)
        numbers = np.zeros(len(table), np.uint64)
        if keys is None:
            return numbers
        np.add.at(numbers, keys.rows, keys.keys)  # of a list: the same for the same values
        return numbers

    def _read(self, table: pa.Table) -> pa.Table:
        table = with_named_parts(table, self.columns, [f.name for f in self.schema.keyed])
        return in_types(table, self.schema.types, self._name)

    def _vectors(self, table: pa.Table, where: str) -> tuple[Matrix, npt.NDArray[np.bool_]]:
        """Vectors [rows, vector], and whether the model knows anything of each row [rows]."""
        x = scaled(features_of(table, self.schema, where), self._scaling)
        embedded = self._embedded(keys_of(table, self.schema, where) or no_keys(len(x), with_fields=True))
        vector = np.concatenate([embedded, x], axis=1)
        known = np.asarray(vector.any(axis=1))
        last = sum(name.startswith(f"parameters/{self._name}_") for name in self._arrays) // 2 - 1
        for number in range(last + 1):
            weights, bias = (self._arrays[f"parameters/{self._name}_{number}_{n}"] for n in ("weights", "bias"))
            vector = vector @ np.asarray(weights) + np.asarray(bias)
            vector = np.maximum(vector, 0) if number < last else vector
        length = np.linalg.norm(vector, axis=1, keepdims=True)
        return vector / np.maximum(length, np.float32(SMALLEST_LENGTH)), known

    def _embedded(self, keys: KeyRows) -> Matrix:
        """[rows, fields · width]: the sums of each field's embeddings, one field's behind the other's."""
        fields = len(self.schema.keyed) + len(crosses_of(self.schema))
        needed = gather(keys, partial(weights_of, self._table))
        own = needed.weights[EMBEDDING].reshape(len(needed.weights[EMBEDDING]), -1)
        sums = np.zeros((keys.size * fields, own.shape[1]), np.float32)
        if needed.field is not None:
            count = len(keys.keys)
            taken = own[needed.place[:count]]
            taken = taken if needed.value is None else taken * needed.value[:count, None]
            np.add.at(sums, needed.row[:count] * fields + needed.field[:count], taken)
        return sums.reshape(keys.size, -1)


def _schema_of(features: list[Feature], schema: Schema) -> Schema:
    """The schema of some columns alone.  Crosses keep their order: all stand in the first column that becomes keys."""
    names = {feature.name for feature in features}
    crosses = [[*cross] for cross in crosses_of(schema) if names >= {*cross}]
    own = []
    for feature in features:
        if feature.is_keyed:
            key = feature.steps[-1]
            assert isinstance(key, Key)
            feature = replace(feature, steps=(*feature.steps[:-1], replace(key, crosses=crosses)))
            crosses = []
        own.append(feature)
    return replace(schema, features=tuple(own), weight=None, group=None, shape=None)
