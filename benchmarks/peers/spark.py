"""Spark: in one process of this machine with a thread for each core, or on YARN with an executor for each."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
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


EXECUTORS = {
    "spark.executor.instances": str(CORES),
    "spark.executor.cores": "1",
    "spark.executor.memory": "2g",
}


def on_nodes() -> dict[str, str]:
    """Settings for YARN where every node has Spark's jars, the quickest way."""
    import pyspark

    return {
        "spark.yarn.jars": f"local:{Path(pyspark.__file__).parent}/jars/*",
        "spark.hadoop.net.topology.node.switch.mapping.impl": "org.apache.hadoop.net.ScriptBasedMapping",
    }


@contextmanager
def session(*, yarn: bool = False) -> Iterator[Any]:
    """A session that has done a first job; at the end its JVM is gone, so that its CPU time counts as its parent's."""
    from pyspark.sql import SparkSession

    master, settings = ("yarn", SETTINGS | EXECUTORS | on_nodes()) if yarn else (f"local[{CORES}]", SETTINGS)
    builder = SparkSession.builder.master(master).appName("benchmark")
    for name, value in settings.items():
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


def vectors(spark: Any, table: Table, files: slice = ALL, folder: str = "") -> Any:
    """The rows of these files, their features in one vector column ``features``; ``folder``: an URL to read them at."""
    from pyspark.ml.feature import VectorAssembler

    assembler = VectorAssembler(inputCols=table.features, outputCol="features")
    paths = [f"{folder or path.parent.as_uri()}/{path.name}" for path in sorted(table.folder.iterdir())[files]]
    return assembler.transform(spark.read.parquet(*paths))
