"""Scaling: fitted to weighted rows, and to finite numbers alone."""

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from tests.data.tables import loader_of, parquet, plan, read
from yarnml.data.plan import Plan
from yarnml.data.scaling import moments, standard
from yarnml.errors import DataError


def test_standard_scaling(numbered: Plan) -> None:
    """Scaling fits the weighted mean and variance of the training rows; padding does not count."""
    total = sum(moments(rows) for s in range(3) for rows in loader_of(numbered, 3).scan(s))
    rows = read(numbered)
    mean = np.average(rows.x, axis=0, weights=rows.weight)
    spread = np.sqrt(np.average((rows.x - mean) ** 2, axis=0, weights=rows.weight))
    scaling = standard(total, numbered.schema)
    np.testing.assert_allclose(scaling.mean, mean, rtol=1e-6)
    np.testing.assert_allclose(scaling.factor, 1 / spread, rtol=1e-6)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e300])
def test_scaling_needs_finite_numbers(tmp_path: Path, value: float) -> None:
    """NaN, infinity, or what a float32 can't hold makes scaling fail with the column's name."""
    data = plan(parquet(tmp_path, a=[1.0, 2.0], x=[1.0, value], y=[0, 1]), features=["a", "x"])
    with pytest.raises(DataError, match=r"rows\.parquet: column 'x' holds (NaN|infinity)"):
        standard(moments(next(loader_of(data, 1).scan(0))), data.schema)
    bearing = replace(data, schema=replace(data.schema, finite=False))
    with pytest.raises(DataError, match=r"Column 'x' of the training data holds NaN or infinity"):
        standard(moments(next(loader_of(bearing, 1).scan(0))), data.schema)


def test_a_constant_column_scales_to_zero(tmp_path: Path) -> None:
    """A column without variance becomes 0, not a division by 0."""
    data = plan(parquet(tmp_path, x=[7.1, 7.1], y=[0, 1]))
    assert standard(moments(next(loader_of(data, 1).scan(0))), data.schema).factor.tolist() == [0.0]
