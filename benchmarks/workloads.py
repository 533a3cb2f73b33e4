"""Workloads: synthetic rows, for steps (only their number and width matter there) and for whole passes."""

from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent


class Workload(NamedTuple):
    """``batch``: rows of one step over all workers; ``steps``: of one timed block."""

    name: str
    widths: list[int]
    batch: int
    rows: int
    steps: int
    learning_rate: float

    @property
    def folder(self) -> Path:
        return HERE / "data" / self.name

    @property
    def parameters(self) -> int:
        """Numbers in the network."""
        return sum((a + 1) * b for a, b in pairwise(self.widths))


SMALL = Workload("step-small", [28, 256, 256, 1], 2048, 2048 * 100, 200, 0.02)
LARGE = Workload("step-large", [1024, 2048, 2048, 2048, 1024], 32, 32 * 64, 16, 0.01)
HEAVY = LARGE._replace(name="step-heavy", batch=256, rows=256 * 16)
"""The large network with as many rows a step as make its computing about half as long as its sums' way at 1 Gbit/s."""


def named(name: str) -> Workload:
    return next(w for w in (SMALL, LARGE, HEAVY) if w.name == name)


def arrays(workload: Workload) -> tuple[Any, Any]:
    """x float32 [rows, widths[0]], y float32 [rows]; a fixed seed."""
    random = np.random.default_rng(5)
    x = random.normal(size=(workload.rows, workload.widths[0])).astype(np.float32)
    return x, (x[:, :4].sum(1) > 0).astype(np.float32)


def write(workload: Workload) -> Path:
    """The rows as eight Parquet files, written once."""
    if not workload.folder.exists():
        x, y = arrays(workload)
        temporary = workload.folder.with_name(".tmp-" + workload.name)
        temporary.mkdir(parents=True, exist_ok=True)
        for number, part in enumerate(np.array_split(np.arange(len(x)), 8)):
            lists = pa.FixedSizeListArray.from_arrays(pa.array(x[part].ravel()), x.shape[1])
            pq.write_table(
                pa.table({"x": lists, "y": y[part]}), temporary / f"part-{number}.parquet", write_page_checksum=True
            )
        temporary.rename(workload.folder)
    return workload.folder


def job(workload: Workload, folder: Path, **sections: Any) -> dict[str, Any]:
    """The training of a workload as a yarnml job, two workers of one thread."""
    return {
        "name": workload.name,
        "data": {"train": str(write(workload)), "features": ["x"], "label": "y"},
        "learner": {
            "path": f"{HERE / 'models.py'}:Net",
            "options": {"widths": workload.widths},
            "optimizer": {"kind": "sgd", "learning_rate": workload.learning_rate, "momentum": 0.9},
        },
        "training": {"epochs": 1000, "batch_size": workload.batch},
        "workers": {"count": 2},
        "checkpoint": {"path": str(folder / "job")},
        **sections,
    }
