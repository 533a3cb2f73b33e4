"""The jobs of the check: real digits, and a large network and a transformer for speed."""

import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import workloads

ROOT = Path(__file__).parents[2]
SEED = 5


class Size(NamedTuple):
    """The amount of work: rows of a step and steps of a block, of the large network and of the transformer.

    ``widths``: of the large network.  ``embedding``: of the transformer.
    """

    epochs: int
    batch: int
    steps: int
    widths: list[int]
    texts: int
    embedding: int


FULL = Size(15, 4096, 20, workloads.LARGE.widths, 512, 512)
SMALL = Size(2, 64, 4, [32, 64, 32], 16, 16)


def digits(folder: Path) -> dict[str, Any]:
    """The columns of the digits example, which is written here."""
    data = folder / "digits"
    if not data.exists():
        subprocess.run([sys.executable, str(ROOT / "examples" / "digits" / "make_data.py"), str(data)], check=True)
    paths = {"train": str(data / "train"), "test": str(data / "test")}
    return paths | {"features": ["pixels"], "label": "digit", "scale": "standard"}


def digits_job(folder: Path, name: str, size: Size, gpus: int, **sections: Any) -> dict[str, Any]:
    """A training of the digits by an MLP, of four shards; ``sections`` replace or complete it."""
    job = {
        "name": name,
        "data": digits(folder),
        "learner": {"kind": "mlp", "hidden": [256, 128]},
        "training": {"epochs": size.epochs, "batch_size": 128, "shards": 4},
        "evaluation": {"every": f"{size.epochs} epochs"},
        "workers": {"count": 1, "gpus": gpus},
        "checkpoint": {"path": str(folder / name / "job"), "every": f"{size.epochs} epochs"},
        "export": str(folder / name / "models"),
    }
    for section, fields in sections.items():
        before = job.get(section)
        job[section] = before | fields if isinstance(before, dict) and section != "learner" else fields
    return job


def large(folder: Path, size: Size, gpus: int) -> dict[str, Any]:
    """Step-large: synthetic rows, a network of wide layers."""
    rows = np.random.default_rng(SEED).normal(size=(4 * size.batch, size.widths[0])).astype(np.float32)
    label = (rows[:, :4].sum(axis=1) > 0).astype(np.float32)
    path = _write(folder / "large.parquet", x=_lists(rows), y=label)
    return {
        "name": "large",
        "data": {"train": path, "features": ["x"], "label": "y"},
        "learner": {
            "path": f"{ROOT / 'benchmarks' / 'models.py'}:Net",
            "options": {"widths": size.widths},
            "optimizer": {"kind": "sgd", "learning_rate": 0.01, "momentum": 0.9},
        },
        "training": {"epochs": 1000, "batch_size": size.batch},
        "workers": {"count": 1, "gpus": gpus},
        "checkpoint": {"path": str(folder / "large-job")},
    }


def transformer(folder: Path, size: Size, gpus: int) -> dict[str, Any]:
    """A transformer on synthetic texts of 64 words."""
    random = np.random.default_rng(SEED)
    words = random.zipf(1.3, size=(4 * size.texts, 64)) % 5000
    texts = [" ".join(f"w{word}" for word in row) for row in words]
    path = _write(folder / "texts.parquet", text=texts, y=words[:, 0] % 2)
    step = {"kind": "hashed_tokens", "columns": ["text"], "length": 64, "vocabulary": 8000}
    return {
        "name": "transformer",
        "data": {"train": path, "features": ["text"], "label": "y", "classes": [0, 1], "prepare": [step]},
        "learner": {"kind": "transformer", "embedding": size.embedding, "blocks": 4, "heads": 8},
        "training": {"epochs": 1000, "batch_size": size.texts},
        "workers": {"count": 1, "gpus": gpus},
        "checkpoint": {"path": str(folder / "transformer-job")},
    }


def _lists(rows: Any) -> pa.Array:
    return pa.FixedSizeListArray.from_arrays(pa.array(rows.ravel()), rows.shape[1])


def _write(path: Path, **columns: Any) -> str:
    pq.write_table(pa.table(columns), path)
    return str(path)
