"""Synthetic rows like those of Criteo's data sets: 39 values each, few of which are frequent, and clicks.

The columns have as many different values as the 26 categories of Criteo's Kaggle data and buckets of its 13 numbers;
which values come in a row is drawn, by a law of Zipf, and a hidden weight of each decides the chance of a click.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.workloads import HERE
from yarnml.data.prepare.hashing import mixed

CATEGORIES = [1460, 583, 10131227, 2202608, 305, 24, 12517, 633, 3, 93145, 5683, 8351593, 3194, 27, 14992, 5461306]
CATEGORIES += [10, 5652, 2173, 4, 7046547, 18, 15, 286181, 105, 142572]
COUNTS = np.array([*CATEGORIES, *[30] * 13])
ZIPF = 1.12
FILES = 8
"""The last one is to test on."""

HIDDEN_SCALE = 0.3
Values = npt.NDArray[np.int64]


class Clicks(NamedTuple):
    """``rows`` of all files."""

    rows: int

    @property
    def folder(self) -> Path:
        return HERE / "data" / f"clicks-{self.rows}"

    @property
    def features(self) -> list[str]:
        return [f"c{column}" for column in range(len(COUNTS))]

    @property
    def train_rows(self) -> int:
        return self.rows // FILES * (FILES - 1)

    @property
    def data(self) -> dict[str, Any]:
        """The section of a job that has the table's columns as keys."""
        return {
            "train": str(self.folder / "train"),
            "test": str(self.folder / "test"),
            "features": self.features,
            "label": "label",
            "classes": [0, 1],
            "prepare": [{"kind": "key", "columns": self.features, "bits": 22}],
        }


def write(clicks: Clicks) -> Path:
    """Write the files of a table, once, ``train/`` and ``test/``; returns their folder."""
    if not clicks.folder.exists():
        temporary = clicks.folder.with_name(".tmp-" + clicks.folder.name)
        for name in ("train", "test"):
            (temporary / name).mkdir(parents=True, exist_ok=True)
        for number in range(FILES):
            values, label = _drawn(clicks.rows // FILES, number)
            table = pa.table(dict(zip(clicks.features, values.T, strict=True)) | {"label": label})
            part = "test" if number == FILES - 1 else "train"
            pq.write_table(table, temporary / part / f"part-{number}.parquet", row_group_size=25_000)
        temporary.rename(clicks.folder)
    return clicks.folder


def _drawn(rows: int, number: int) -> tuple[Values, npt.NDArray[np.int8]]:
    """Rows of one file: values [rows, columns], and labels."""
    random = np.random.default_rng(number)
    even = random.random((rows, len(COUNTS)))
    values = (even * ((COUNTS + 1.0) ** (1 - ZIPF) - 1) + 1) ** (1 / (1 - ZIPF))
    values = np.minimum(values.astype(np.int64), COUNTS) - 1
    hidden = (hashed(values) >> np.uint64(40)).astype(np.float64) / 2**23 - 1
    score = HIDDEN_SCALE * hidden.sum(axis=1) - 1.3
    return values, (random.random(rows) < 1 / (1 + np.exp(-score))).astype(np.int8)


def hashed(values: Values) -> npt.NDArray[np.uint64]:
    """A hash of each value and its column, [rows, columns]."""
    salt = mixed(np.arange(len(COUNTS), dtype=np.uint64))
    return mixed(values.astype(np.uint64) + salt)


def read(folder: Path) -> Iterator[tuple[Values, npt.NDArray[Any]]]:
    """The values [rows, columns] and labels of each file."""
    for path in sorted(folder.iterdir()):
        table = pq.read_table(path)
        label = table.column("label").to_numpy()
        columns = [column.to_numpy() for name, column in zip(table.column_names, table.columns, strict=True)]
        yield np.stack(columns[:-1], axis=1), label
