"""Crosses: a key for each combination of values of a row."""

from itertools import product

import numpy as np
import pyarrow as pa
import pytest

from yarnml.data.rows import keys_of
from yarnml.data.schema import Feature, Schema
from yarnml.errors import JobFileError
from yarnml.job.prepare import Key

TABLE = pa.table(
    {
        "device": ["phone", "tablet", None, "phone"],
        "words": [[1, 2], [2, 3, 1], [7], []],
        "ink": pa.array(
            [[("a", 2.0)], [("a", 0.5), ("b", 3.0)], [("a", 1.0)], [("b", 4.0)]], pa.map_(pa.string(), pa.float32())
        ),
    }
)


def schema_of(columns: list[str], *crosses: list[str], bits: int = 64) -> Schema:
    steps = {name: Key(columns=[name], bits=bits, crosses=list(crosses)) for name in columns}
    return Schema(tuple(Feature(name, 1, (step,)) for name, step in steps.items()), None, None)


def test_combinations() -> None:
    """A row has a key for each pair of its values, and equal pairs have equal keys wherever they are."""
    schema = schema_of(["device", "words"], ["device", "words"])
    keys = keys_of(TABLE, schema, "rows")
    plain = keys_of(TABLE, schema_of(["device", "words"]), "rows")
    assert keys is not None
    assert plain is not None
    seen: dict[tuple[object, object], int] = {}
    for row, values in enumerate(TABLE.to_pylist()):
        own = keys.keys[slice(*keys.offsets[row : row + 2])].tolist()
        single = plain.keys[slice(*plain.offsets[row : row + 2])].tolist()
        assert own[: len(single)] == single
        devices = [values["device"]] if values["device"] else []
        pairs = list(product(devices, values["words"]))
        assert len(own) == len(single) + len(pairs)
        for pair, key in zip(pairs, own[len(single) :], strict=True):
            assert seen.setdefault(pair, key) == key
    assert len(seen) == 5
    assert len({*seen.values(), *plain.keys.tolist()}) == 5 + len(set(plain.keys.tolist()))


def test_values_of_maps_are_multiplied() -> None:
    """A cross with a map counts by the map's value; of three columns every triple is a key."""
    keys = keys_of(TABLE.slice(1, 1), schema_of(["device", "words", "ink"], ["device", "words", "ink"]), "rows")
    assert keys is not None
    assert keys.values is not None
    assert keys.values.tolist() == [1, 1, 1, 1, 0.5, 3.0, *[0.5, 3.0] * 3]


def test_few_bits() -> None:
    """A cross has as many bits as the keys of single columns."""
    keys = keys_of(TABLE, schema_of(["device", "words"], ["words", "device"], bits=9), "rows")
    assert keys is not None
    assert not (keys.keys & np.uint64(2**55 - 1)).any()


def test_a_column_without_keys() -> None:
    """A cross of a column that becomes no keys is refused, also where only the data have told that."""
    with pytest.raises(JobFileError, match="crosses column 'user', which becomes no keys"):
        keys_of(TABLE, schema_of(["device"], ["device", "user"]), "rows")
