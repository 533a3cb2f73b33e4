"""Spark on this machine, in one process with a thread for each core."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.measure import CORES
from benchmarks.tables import ALL, Table

SETTINGS = {
    "spark.driver.memory": "8g",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.shuffle.partitions": str(CORES),
    "spark.sql.files.maxPartitionBytes": "256m",
    "spark.pyspark.python": sys.executable,
    "spark.log.level": "ERROR",
}


@contextmanager
def session() -> Iterator[Any]:
    """A session that has done a first job; at the end its JVM is gone, so that its CPU time counts as its parent's."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.master(f"local[{CORES}]").appName("benchmark")
    for name, value in SETTINGS.items():
        builder = builder.config(name, value)
    spark = builder.getOrCreate()
    spark.range(1000).selectExpr("sum(id)").collect()
    gateway = spark.sparkContext._gateway
    try:
        yield spark
    finally:
        spark.stop()
        gateway.shutdown()
        gateway.proc.stdin.close()
        gateway.proc.wait()


def vectors(spark: Any, table: Table, files: slice = ALL) -> Any:
    """The rows of these files, their features in one vector column ``features``."""
    from pyspark.ml.feature import VectorAssembler

    assembler = VectorAssembler(inputCols=table.features, outputCol="features")
    paths = [f"file://{path}" for path in sorted(table.folder.iterdir())[files]]
    return assembler.transform(spark.read.parquet(*paths))
