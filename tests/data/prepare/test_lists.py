"""Lists of any length become numbers: padded, or pooled as NumPy pools them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.preparing import passes, plan, step
from yarnml.data.prepare.pad import apply as pad
from yarnml.data.prepare.pool import apply as pool
from yarnml.data.rows import features_of
from yarnml.errors import JobFileError
from yarnml.job.prepare import Pad, Pool

LISTS: list[Any] = [[1.5, 2.5, 4.0], [], None, [None, 7.0], [float("nan")], [-1.0]]


def columns(values: list[Any]) -> list[pa.Array]:
    """The lists in several types, and as a slice."""
    large = pa.array(values, pa.large_list(pa.float32()))
    return [pa.array(values), large, large.cast(pa.list_(pa.float16())), pa.array([[9.0, 9.0], *values]).slice(1)]


@pytest.mark.parametrize(
    ("keep", "first"), [("first", [1.5, 2.5]), ("last", [2.5, 4.0])], ids=["the first", "the last"]
)
def test_pad(keep: Any, first: list[float]) -> None:
    """A list is cut, or filled behind its end; a null or NaN in it is filled where it stands."""
    expected = [first, [0, 0], [0, 0], [0, 7], [0, 0], [-1, 0]]
    made = [pad(Pad(columns=["a"], length=2, keep=keep), column, "x") for column in columns(LISTS)]
    assert [one.tolist() for one in made] == [expected] * len(made)


def test_pool() -> None:
    """Statistics are NumPy's, of the values that are there; what no values have is filled."""
    rows = [np.array([v for v in row or [] if v is not None and v == v]) for row in LISTS]
    step = Pool(columns=["a"], by=["mean", "sum", "min", "max", "count"], fill=-9.0)
    expected = [[r.mean(), r.sum(), r.min(), r.max(), len(r)] if len(r) else [-9, 0, -9, -9, 0] for r in rows]
    for column in columns(LISTS):
        np.testing.assert_allclose(pool(step, column, "x"), expected, rtol=1e-7)
    assert pool(step, pa.array([], pa.list_(pa.float64())), "x").shape == (0, 5)


def test_a_job(tmp_path: Path) -> None:
    """Columns of lists are features by a step, in training and in predictions; others are refused by name."""
    table = {
        "a": [[n] * (n % 4) for n in range(60)],
        "b": [float(n) for n in range(60)],
        "y": [n % 2 for n in range(60)],
    }
    steps = [step("pool", "a", by=["max", "count"])]
    schema = passes(plan(tmp_path, table, steps))
    assert schema.names == ["a max", "a count", "b"]
    asked = features_of(pa.table({"a": [[2, 5], None], "b": [1.0, 2.0]}), schema, "the table")
    assert asked.tolist() == [[5, 2, 1], [0, 0, 2]]
    with pytest.raises(JobFileError, match="pool needs lists of numbers, but column 'b'"):
        plan(tmp_path, table, [step("pool", "b")])
    with pytest.raises(JobFileError, match="length"):
        plan(tmp_path, table, [step("pad", "a")])
