"""Boosted trees by libraries that are made for them: ``WAY TABLE TREES DEPTH BINS``.

The answer: seconds of it all and of the fit, binning included, and the area under the ROC curve on the test files.
"""

import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

from benchmarks import tables
from benchmarks.boosting import TEST, TRAIN, auc
from benchmarks.measure import CORES
from benchmarks.peers.process import Answer, serve
from benchmarks.tables import Table

RATE = 0.1


class Size(NamedTuple):
    trees: int
    depth: int
    bins: int


Score = Callable[[Any], Any]
"""x [rows, width] → what grows with the chance of label 1, [rows]."""


def by_lightgbm(x: Any, y: Any, size: Size) -> Score:
    import lightgbm

    options = {
        "objective": "binary",
        "max_depth": size.depth,
        "num_leaves": 2**size.depth,
        "max_bin": size.bins,
        "learning_rate": RATE,
        "num_threads": CORES,
        "verbose": -1,
    }
    model = lightgbm.train(options, lightgbm.Dataset(x, y), size.trees)
    return lambda x: model.predict(x)


def by_xgboost(x: Any, y: Any, size: Size) -> Score:
    import xgboost

    options = {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "max_depth": size.depth,
        "max_bin": size.bins,
        "eta": RATE,
        "nthread": CORES,
    }
    rows = xgboost.QuantileDMatrix(x, y, max_bin=size.bins, nthread=CORES)
    model = xgboost.train(options, rows, size.trees)
    return lambda x: model.predict(xgboost.DMatrix(x))


def by_sklearn(x: Any, y: Any, size: Size) -> Score:
    from sklearn.ensemble import HistGradientBoostingClassifier

    model = HistGradientBoostingClassifier(
        max_iter=size.trees,
        max_depth=size.depth,
        max_leaf_nodes=2**size.depth,
        max_bins=size.bins,
        learning_rate=RATE,
        early_stopping=False,
    ).fit(x, y)
    return lambda x: model.predict_proba(x)[:, 1]


def by_spark(table: Table, size: Size) -> Answer:
    """Reading ends with the rows in the cache of the executors, which are warm before it."""
    from benchmarks.peers.spark import session, vectors

    with session() as spark:
        from pyspark.ml.classification import GBTClassifier
        from pyspark.ml.evaluation import BinaryClassificationEvaluator

        start = time.perf_counter()
        columns = "features", "cast(label as double) label"
        train, test = (vectors(spark, table, files).selectExpr(*columns) for files in (TRAIN, TEST))
        rows = train.coalesce(CORES).cache()
        rows.count()
        between = time.perf_counter()
        trainer = GBTClassifier(maxIter=size.trees, maxDepth=size.depth, maxBins=size.bins, stepSize=RATE, seed=1)
        model = trainer.fit(rows)
        end = time.perf_counter()
        area = BinaryClassificationEvaluator(metricName="areaUnderROC", numBins=0).evaluate(model.transform(test))
    return {"seconds": end - start, "fit": end - between, "auc": float(area)}


WAYS = {"lightgbm": by_lightgbm, "xgboost": by_xgboost, "sklearn": by_sklearn}


def fit(way: str, table: Table, size: Size) -> Answer:
    if way == "spark":
        return by_spark(table, size)
    start = time.perf_counter()
    x, y = tables.read(table, TRAIN)
    between = time.perf_counter()
    score = WAYS[way](x, y, size)
    end = time.perf_counter()
    x, y = tables.read(table, TEST)
    return {"seconds": end - start, "fit": end - between, "auc": auc(y, score(x))}


if __name__ == "__main__":
    way, code, *numbers = sys.argv[1:]
    serve(lambda: fit(way, tables.decoded(code), Size(*map(int, numbers))))
