"""MLlib's logistic regression on the same keys: sparse vectors in the cache, L-BFGS, in one JVM of two threads."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.clicks import Values
from benchmarks.measure import CORES, own_cpu
from benchmarks.peers.process import Answer
from benchmarks.peers.spark import session

SPARSE = 0
"""The type of a vector of indices and values among those of MLlib."""


def fit(rows: Path, iterations: int, penalty: float) -> tuple[Answer, Any, float]:
    """Fit from rows that are in the cache; returns what it took, the weights by key, and the constant.

    ``rows``: a file that `write` wrote.
    ``penalty``: half of its product with the sum of squared weights is added to the mean loss.
    """
    from pyspark.ml.classification import LogisticRegression

    with session() as spark:
        cached = read(spark, rows).coalesce(CORES).cache()
        cached.count()
        begun = time.perf_counter()
        cpu = own_cpu()
        trainer = LogisticRegression(maxIter=iterations, regParam=penalty, tol=0, standardization=False)
        model = trainer.fit(cached)
        whole = time.perf_counter() - begun
        cpu = own_cpu() - cpu
        done = int(model.summary.totalIterations)
        weights = model.coefficients.toArray()
        bias = float(model.intercept)
    return {"seconds": whole / done, "cpu": cpu / done, "whole": whole}, weights, bias


def write(path: Path, keys: Values, y: Any, width: int) -> None:
    """Write rows as Spark keeps vectors; a key that a row has more than once has this number as its value."""
    keys = np.sort(keys, axis=1)
    first = np.ones(keys.shape, bool)
    first[:, 1:] = keys[:, 1:] != keys[:, :-1]
    starts = np.flatnonzero(first)
    counts = np.diff([*starts, keys.size])
    ends = np.cumsum([0, *first.sum(axis=1)]).astype(np.int32)
    vectors = pa.StructArray.from_arrays(
        [
            pa.array(np.full(len(keys), SPARSE, np.int8)),
            pa.array(np.full(len(keys), width, np.int32)),
            pa.ListArray.from_arrays(ends, keys.reshape(-1)[starts].astype(np.int32)),
            pa.ListArray.from_arrays(ends, counts.astype(np.float64)),
        ],
        ["type", "size", "indices", "values"],
    )
    pq.write_table(pa.table({"features": vectors, "label": y.astype(np.float64)}), path)


def read(spark: Any, path: Path) -> Any:
    """The rows of such a file, with one column of vectors."""
    from pyspark.ml.linalg import VectorUDT
    from pyspark.sql.types import DoubleType, StructField, StructType

    fields = [StructField("features", VectorUDT()), StructField("label", DoubleType())]
    return spark.read.schema(StructType(fields)).parquet(path.as_uri())
