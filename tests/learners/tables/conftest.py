"""Rows of clicks, and the digits' inks as maps."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

KEYED = ["site", "advertisement", "device", "user", "words"]


@pytest.fixture(scope="module")
def clicks(example_data: Callable[[str], Path]) -> pa.Table:
    """Some rows of the example."""
    table = pq.read_table(example_data("clicks") / "train").slice(0, 4000)
    return table.select([*KEYED, "pages", "clicked"])


@pytest.fixture(scope="module")
def inks(digits: Path) -> pa.Table:
    """Digits: pixels that have ink, as a map and as lists of numbers, and whether the digit is 5 or more."""
    table = pq.read_table(digits / "train")
    pixels = np.stack(table["pixels"].to_numpy()).astype(np.float32) / 16
    maps = [[(place, float(row[place])) for place in np.flatnonzero(row)] for row in pixels]
    return pa.table(
        {
            "dense": pa.array(list(pixels), pa.list_(pa.float32(), 64)),
            "ink": pa.array(maps, pa.map_(pa.int32(), pa.float32())),
            "none": pa.array([0] * len(pixels)),
            "sum": pixels.sum(axis=1),
            "large": np.asarray(table["digit"]) >= 5,
        }
    )
