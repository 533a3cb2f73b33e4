"""Boosted trees: 50 trees of depth 6 on features in 255 bins, judged by the area under the ROC curve on other rows.

Limit: LightGBM, or the first of the others that is installed.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

import yarnml
from benchmarks import tables
from benchmarks.measure import Column, interleaved, report
from benchmarks.passes import Stopwatch
from benchmarks.peers.process import Answer, Peer, once, present
from benchmarks.tables import Table
from yarnml.job.learners import Options

TRAIN = slice(0, 6)  # files
TEST = slice(6, 8)

COLUMNS = [
    Column("whole s", lambda a: a["seconds"], compared=True),
    Column("fit s", lambda a: a["fit"], compared=True),
    Column("ROC AUC", lambda a: a["auc"]),
]


def main(
    rounds: int = 5,
    rows: int = 1_000_000,
    width: int = 28,
    trees: int = 50,
    depth: int = 6,
    bins: int = 255,
    spark: bool = False,
) -> None:
    """Boosted trees, beside LightGBM, xgboost and scikit-learn, and with --spark, for some minutes a round, Spark."""
    table = Table(rows * 8 // 6, width)
    tables.write(table)
    size = [table.code, *map(str, (trees, depth, bins))]
    peers = {
        "LightGBM, 2 threads": Peer("boosting", ["lightgbm", *size], needs=["lightgbm"]),
        "xgboost, 2 threads": Peer("boosting", ["xgboost", *size], needs=["xgboost"]),
        "scikit-learn, 2 threads": Peer("boosting", ["sklearn", *size], needs=["sklearn"]),
    }
    if spark:
        peers["Spark MLlib, local[2]"] = Peer("boosting", ["spark", *size], needs=["pyspark", "/java"])
    print(f"boosting: {rows} synthetic rows of {width} features, {trees} trees of depth {depth}, {bins} bins")
    blocks: dict[str, Callable[[], Answer]] = {name: once(peer) for name, peer in present(peers).items()}
    if any(kind.__struct_config__.tag == "boosting" for kind in get_args(Options)):
        blocks["yarnml, 2 workers"] = lambda: fit(table, trees, depth, bins)
    else:
        print("  yarnml is left out: it has no learner of this kind")
    if blocks:
        report(interleaved(blocks, rounds), COLUMNS, limit=next(iter(blocks)))


def fit(table: Table, trees: int, depth: int, bins: int) -> Answer:
    """A job's rounds, with its reading told as in `benchmarks.passes`."""
    learner = {"kind": "boosting", "trees": trees, "depth": depth, "bins": bins}
    train = [str(path) for path in sorted(table.folder.iterdir())[TRAIN]]
    with tempfile.TemporaryDirectory() as folder:
        spec: dict[str, Any] = tables.job(table, train, Path(folder), learner, {})
        spec["data"] |= {"label": "label", "classes": [0, 1]}
        job = Stopwatch(spec | {"export": f"{folder}/models"})
        model = yarnml.load_model(str(job.outcome.export))
    x, y = tables.read(table, TEST)
    return {"seconds": sum(job.seconds), "fit": sum(job.seconds) - job.reading, "auc": auc(y, model.outputs(x)[:, 1])}


def auc(y: npt.NDArray[Any], score: npt.NDArray[Any]) -> float:
    """The area under the ROC curve: how often a row of label 1 has the higher score, of two that differ in label."""
    order = np.argsort(score, kind="stable")
    positive = y[order] > 0.5
    ranks = np.arange(1, len(y) + 1)[positive].sum()
    ones = int(positive.sum())
    return float((ranks - ones * (ones + 1) / 2) / (ones * (len(y) - ones)))
