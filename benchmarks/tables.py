"""Synthetic tables in Parquet files: noise with some structure to learn, from fixed seeds."""

from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.workloads import HERE

FILES = 8
GROUPS = 4  # row groups of a file
BLOBS = 24
ALL = slice(None)


class Table(NamedTuple):
    """float32 features, each a column ``f0``, ``f1`` … or ``together`` in one list column ``x``; an int8 ``label``."""

    rows: int
    width: int
    together: bool = False

    @property
    def folder(self) -> Path:
        return HERE / "data" / f"rows-{self.rows}-{self.width}{'-together' if self.together else ''}"

    @property
    def code(self) -> str:
        """A name of this table for another program."""
        return f"{self.rows},{self.width},{int(self.together)}"

    @property
    def features(self) -> list[str]:
        return ["x"] if self.together else [f"f{j}" for j in range(self.width)]

    @property
    def group(self) -> int:
        """Rows of a row group, the last of a file apart."""
        return -(-self.rows // (FILES * GROUPS))

    @property
    def megabytes(self) -> float:
        """Megabytes of the features in memory."""
        return 4 * self.rows * self.width / 1e6


def decoded(code: str) -> Table:
    rows, width, together = map(int, code.split(","))
    return Table(rows, width, bool(together))


def write(table: Table) -> Path:
    """Eight files of four row groups, written once: floats that are noise, so without dictionary."""
    if not table.folder.exists():
        temporary = table.folder.with_name(".tmp-" + table.folder.name)
        temporary.mkdir(parents=True, exist_ok=True)
        for number in range(FILES):
            low, high = (n * table.rows // FILES for n in (number, number + 1))
            x, y = _rows(table.width, high - low, number)
            pq.write_table(
                pa.table(_columns(table, x) | {"label": y}),
                temporary / f"part-{number}.parquet",
                row_group_size=table.group,
                use_dictionary=False,
                write_page_checksum=True,
            )
        temporary.rename(table.folder)
    return table.folder


def part(number: int, of: int) -> slice:
    """The files of one of some processes."""
    return slice(number * FILES // of, (number + 1) * FILES // of)


def read(table: Table, files: slice = ALL) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """x [rows, width] and y [rows] of these files, read by hand; for features in columns of their own."""
    readers = [pq.ParquetFile(path, pre_buffer=True) for path in sorted(table.folder.iterdir())[files]]
    rows = sum(reader.metadata.num_rows for reader in readers)
    x = np.empty((rows, table.width), np.float32)
    y = np.empty(rows, np.float32)
    at = 0
    for reader in readers:
        for group in range(reader.num_row_groups):
            group_columns = reader.read_row_group(group, columns=[*table.features, "label"])
            to = at + len(group_columns)
            for j, name in enumerate(table.features):
                x[at:to, j] = group_columns.column(name).to_numpy()
            y[at:to] = group_columns.column("label").to_numpy()
            at = to
    return x, y


def _rows(width: int, rows: int, file: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int8]]:
    """Correlated features around a few centres, and a label that hangs on them."""
    shape = np.random.default_rng(width)
    centres = shape.normal(0, 1.2, (BLOBS, width))
    slope = shape.normal(0, 1, width)
    scales = np.geomspace(0.4, 2.5, width)
    random = np.random.default_rng([width, file])
    z = centres[random.integers(0, BLOBS, rows)] + random.normal(size=(rows, width))
    label = z @ slope / np.sqrt(width) + random.logistic(size=rows) > 0
    mixed = (z * scales).astype(np.float32)
    mixed[:, 1:] += 0.5 * mixed[:, :-1]
    return mixed, label.astype(np.int8)


def _columns(table: Table, x: npt.NDArray[np.float32]) -> dict[str, Any]:
    if table.together:
        return {"x": pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), table.width)}
    return {name: pa.array(x[:, j].copy()) for j, name in enumerate(table.features)}


class Stored(Protocol):
    """Rows in files, as far as a job needs to know them."""

    @property
    def folder(self) -> Path: ...

    @property
    def features(self) -> list[str]: ...


def job(
    table: Stored, train: str, folder: Path | str, learner: dict[str, Any], training: dict[str, Any]
) -> dict[str, Any]:
    """A yarnml job on a table; its checkpoints, none before the end, go to a folder of their own, or an URL."""
    return {
        "name": table.folder.name,
        "data": {"train": train, "features": table.features},
        "learner": learner,
        "training": training,
        "workers": {"count": 2, "cache": "4 GiB"},
        "checkpoint": {"path": f"{folder}/job", "every": "1000000 epochs"},
    }
