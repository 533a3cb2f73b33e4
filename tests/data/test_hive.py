"""Tables that Hive's own writers have written, within Spark, where pyspark is installed (extra ``bench``)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from yarnml.data.dataset import inspect, read_group
from yarnml.errors import DataError, JobFileError
from yarnml.job.csv import Csv

pyspark = pytest.importorskip("pyspark")

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]  # a metastore and the jobs of a JVM

NAMES = ['n é,"0" x', None, r"\N", "N", "a\tb\\", ""]
ROWS = [(n, None if n % 7 == 3 else n / 3, NAMES[n % 6]) for n in range(40)]
COLUMNS = ["id", "ratio", "name"]
FORMATS = {
    "STORED AS PARQUET": None,
    "STORED AS ORC": None,
    "STORED AS AVRO": None,
    "STORED AS TEXTFILE": Csv(delimiter="\x01", header=False, columns=COLUMNS, quote=None, null_values=[r"\N"]),
    r"ROW FORMAT DELIMITED FIELDS TERMINATED BY '\t' ESCAPED BY '\\'": Csv(
        delimiter="\t", header=False, columns=COLUMNS, quote=None, escape="\\", null_values=[r"\N"]
    ),
}


@pytest.fixture(scope="module")
def hive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, Path]]:
    """A session whose tables Hive's writers write, and the folder of these."""
    from pyspark.sql import SparkSession

    folder = tmp_path_factory.mktemp("hive")
    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.warehouse.dir": str(folder / "tables"),
        "spark.hadoop.javax.jdo.option.ConnectionURL": f"jdbc:derby:;databaseName={folder}/metastore;create=true",
        "spark.driver.extraJavaOptions": f"-Dderby.stream.error.file={folder}/derby.log",
        "spark.sql.hive.convertMetastoreParquet": "false",
        "spark.sql.hive.convertMetastoreOrc": "false",
    }
    session = SparkSession.builder.master("local[1]").config(map=settings).enableHiveSupport().getOrCreate()
    session.createDataFrame(ROWS, "id long, ratio double, name string").createOrReplaceTempView("rows")
    yield session, folder / "tables"
    session.stop()


def write(hive: tuple[Any, Path], number: int, form: str) -> str:
    """Have the rows written as a table; return its folder."""
    session, tables = hive
    session.sql(f"CREATE TABLE t{number} (id bigint, ratio double, name string) {form}")
    session.sql(f"INSERT INTO t{number} SELECT * FROM rows")
    return str(tables / f"t{number}")


@pytest.mark.parametrize("number", range(len(FORMATS)))
def test_what_hive_writes(number: int, hive: tuple[Any, Path]) -> None:
    """Every row comes back, but for what Hive's text can't tell from a null: an empty text, and its mark unescaped."""
    form, csv = [*FORMATS.items()][number]
    dataset, stored = inspect(write(hive, number, form), "csv" if csv else "auto", "data.train", csv)
    tables = [read_group(dataset, file, group, stored) for file, group in dataset.places]
    rows = sorted(tuple(row[name] for name in COLUMNS) for table in tables for row in table.to_pylist())
    lost = {"": None, **({r"\N": None} if csv and csv.escape is None else {})} if csv else {}
    assert rows == [(n, ratio, lost.get(str(name), name)) for n, ratio, name in ROWS]


@pytest.mark.parametrize(("form", "words"), [("RCFILE", "an RCFile of Hive"), ("SEQUENCEFILE", "a SequenceFile")])
def test_what_is_not_read(form: str, words: str, hive: tuple[Any, Path]) -> None:
    """Formats of Hive's that are not read are named, also where the job takes them for text."""
    folder = write(hive, len(FORMATS) + len(form), f"STORED AS {form}")
    with pytest.raises(JobFileError, match=words):
        inspect(folder, "auto", "data.train")
    with pytest.raises(DataError, match=words):
        inspect(folder, "csv", "data.train", FORMATS["STORED AS TEXTFILE"])
