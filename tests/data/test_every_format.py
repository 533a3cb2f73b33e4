"""The contract of all formats: the same rows, wherever they are stored, and one sentence for what can't be read."""

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pyarrow as pa
import pytest

from tests.data.formats import LINES, SAVES, sample, save, save_avro, save_orc
from tests.data.tables import plan, read, same, with_classes
from tests.fuzz.typos import mutated
from tests.preparing import step
from yarnml.data.formats import lines
from yarnml.data.plan import Plan
from yarnml.data.schema import Rows
from yarnml.errors import DataError, JobFileError, YarnmlError

ENDINGS = [ending for ending in SAVES if ending != "parquet"]


@pytest.fixture(autouse=True)
def _small_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "GROUP_BYTES", 600)


def planned(path: str, **fields: Any) -> Plan:
    steps = [step("one_hot", "word")]
    return plan(path, features=["count", "x", "word"], prepare=steps, **fields)


def outcome(path: str) -> tuple[Rows | None, str]:
    """The rows of a file, or the sentence that refuses it."""
    try:
        return read(planned(path)), ""
    except YarnmlError as exc:
        return None, str(exc)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_same_rows(ending: str, tmp_path: Path) -> None:
    """A table gives the same shards and the same rows as in Parquet, whole or by a condition."""
    expected = planned(save(sample(), tmp_path / "rows.parquet"))
    data = planned(save(sample(), tmp_path / f"rows.{ending}"))
    assert data.datasets["train"].rows == 100
    assert (len(data.datasets["train"].group_rows) > 3) == (ending != "csv.gz")
    assert with_classes(data).classes == ("cat", "dog", "ox")
    for shards in (1, 3):
        assert same(read(data, shards), read(expected, shards))
    where = "x > 2 and word <> 'b b' or count = 7"
    assert same(
        read(planned(f"{tmp_path}/rows.{ending}", where=where)), read(planned(f"{tmp_path}/rows.parquet", where=where))
    )
    patterns = plan(f"{tmp_path}/rows.{ending}", features=["type:number"])
    assert sorted(feature.name for feature in patterns.schema.features) == ["count", "x"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_folders_and_files_that_differ(ending: str, tmp_path: Path) -> None:
    """Files in folders, in another order of columns and with nulls alone in one, are one table in every format."""
    table = sample(8).drop_columns(["word"])
    reversed_table = table.select(table.column_names[::-1])
    save(table, tmp_path / f"t/part=1/rows.{ending}")
    save(reversed_table, tmp_path / f"t/part=2/rows.{ending}")
    (tmp_path / f"t/part=2/empty.{ending}").write_bytes(b"")
    rows = read(plan(f"{tmp_path}/t", features=["part", "x"], label="count", label_type="number"))
    assert rows.x.tolist() == [[part, n / 4 - 3] for part in (1, 2) for n in range(8)]
    assert rows.y.tolist() == [n * 7 for n in range(8)] * 2


@pytest.mark.parametrize("ending", [e for e in ENDINGS if e not in ("csv", "csv.gz")])
def test_nulls(ending: str, tmp_path: Path) -> None:
    """Nulls of every type are nulls."""
    table = pa.table({"x": [1.5, None, 2.5], "n": [None, 2, 3], "t": ["a", None, "b"], "y": [0.5, 1.5, 2.5]})
    steps = [step("impute", "x", "n", value=-1), step("impute", "t", value="none"), step("one_hot", "t")]
    data = plan(save(table, tmp_path / f"rows.{ending}"), features=["x", "n", "t"], prepare=steps)
    assert read(data).x.tolist() == [[1.5, -1, 1, 0, 0], [-1, 2, 0, 0, 1], [2.5, 3, 0, 1, 0]]


@pytest.mark.parametrize("ending", [e for e in ENDINGS if e not in ("csv", "csv.gz", "avro")])
def test_lists(ending: str, tmp_path: Path) -> None:
    """Lists of one length are features in every format that has lists."""
    table = pa.table({"x": [[1.5, 2.5], [3.5, 4.5], [5.5, 6.5]], "y": [0.5, 1.5, 2.5]})
    assert read(plan(save(table, tmp_path / f"rows.{ending}"))).x.tolist() == [[1.5, 2.5], [3.5, 4.5], [5.5, 6.5]]


@pytest.mark.parametrize("ending", ENDINGS)
def test_truncated_files(ending: str, tmp_path: Path) -> None:
    """A file that is cut off anywhere ends in one sentence with its name; of plain lines some rows may be left."""
    path = tmp_path / f"rows.{ending}"
    whole = Path(save(sample(), path)).read_bytes()
    for end in np.linspace(1, len(whole) - 1, 25).astype(int):
        path.write_bytes(whole[:end])
        rows, sentence = outcome(str(path))
        assert "\n" not in sentence
        if rows is not None:
            assert ending in ("csv", "jsonl", "avro", "tfrecord")
            assert len(rows.x) < 100 or end == len(whole) - 1


@pytest.mark.parametrize("ending", ENDINGS)
def test_mutated_files(ending: str, tmp_path: Path) -> None:
    """Faults anywhere end in one sentence, or in other rows: never in an exception of a library."""
    path = tmp_path / f"rows.{ending}"
    whole = Path(save(sample(), path)).read_bytes()
    for seed in range(40):
        path.write_bytes(mutated(whole, seed))
        assert "\n" not in outcome(str(path))[1]


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("other", ["parquet", "orc", "avro", "csv", "arrow"])
def test_foreign_files(ending: str, other: str, tmp_path: Path) -> None:
    """A file of another format than its name says is refused in one sentence."""
    if other == ending.partition(".")[0] or (ending, other) == ("arrows", "arrow"):
        return
    content = Path(save(sample(), tmp_path / f"a.{other}")).read_bytes()
    (tmp_path / f"b.{ending}").write_bytes(content)
    with pytest.raises((DataError, JobFileError), match=rf"b\.{ending}") as refusal:
        read(planned(f"{tmp_path}/b.{ending}"))
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("ending", ["parquet", "orc", "avro", "arrow"])
def test_files_without_an_ending(ending: str, tmp_path: Path) -> None:
    """Hive's files have no ending: the first bytes tell the format."""
    save(sample(), tmp_path / f"000000_0.{ending}")
    Path(tmp_path / f"000000_0.{ending}").rename(tmp_path / "000000_0")
    assert len(read(planned(f"{tmp_path}/000000_0")).x) == 100


@pytest.mark.parametrize("ending", [e for e in ENDINGS if e not in ("orc", "csv")])
def test_a_changed_file_is_never_read(ending: str, tmp_path: Path) -> None:
    """A byte that changes after the plan was made is seen by the groups that it touches; none gives other rows."""
    path = tmp_path / f"rows.{ending}"
    whole = Path(save(sample(), path)).read_bytes()
    data = planned(str(path))
    expected = read(data)
    refused = []
    for place in np.linspace(0, len(whole) - 1, 30).astype(int):
        spoilt = bytearray(whole)
        spoilt[place] ^= 4
        path.write_bytes(spoilt)
        try:
            assert same(read(data), expected)
        except DataError as exc:
            refused.append(str(exc))
    assert len(refused) > 15
    assert not any("\n" in sentence for sentence in refused)


def test_another_orc_file(tmp_path: Path) -> None:
    """An ORC file that is written anew while a job runs is known by its tail."""
    path = tmp_path / "rows.orc"
    data = planned(save(sample(), path))
    save(sample().set_column(2, "x", pa.array([n / 8 for n in range(100)])), path)
    with pytest.raises(DataError, match=r"has changed since the job began: it had \d+ bytes and a tail with the SHA"):
        read(data)


@pytest.mark.parametrize("codec", ["uncompressed", "zlib", "snappy", "lz4", "zstd"])
def test_codecs_of_orc(codec: str, tmp_path: Path) -> None:
    """The tail is read whatever codec a file has."""
    save_orc(sample(40_000), tmp_path / "rows.orc", codec)
    data = planned(f"{tmp_path}/rows.orc").datasets["train"]
    assert (data.rows, len(data.group_rows) > 1) == (40_000, True)


@pytest.mark.parametrize("codec", ["null", "deflate", "snappy", "bzip2"])
def test_codecs_of_avro(codec: str, tmp_path: Path) -> None:
    """Blocks are read whatever codec a file has, such as Spark's snappy."""
    save_avro(sample(), tmp_path / "rows.avro", codec)
    assert len(read(planned(f"{tmp_path}/rows.avro")).x) == 100


def test_types_of_avro(tmp_path: Path) -> None:
    """Dates, decimals, enumerations, nested records and names that are used again are read as what they are."""
    colour = {"type": "enum", "name": "colour", "symbols": ["red", "blue"]}
    fields = [
        {"name": "x", "type": ["null", "int", "double"]},
        {"name": "day", "type": {"type": "int", "logicalType": "date"}},
        {"name": "first", "type": colour},
        {"name": "second", "type": "colour"},
        {"name": "nested", "type": {"type": "record", "name": "r", "fields": [{"name": "a", "type": "long"}]}},
        {"name": "y", "type": {"type": "bytes", "logicalType": "decimal", "precision": 5, "scale": 2}},
    ]
    days = [datetime.date(2026, 1, day) for day in (1, 2)]
    rows = [
        {
            "x": n + 0.5,
            "day": days[n],
            "first": "red",
            "second": ["red", "blue"][n],
            "nested": {"a": n},
            "y": Decimal(n),
        }
        for n in (0, 1)
    ]
    with open(tmp_path / "rows.avro", "wb") as file:
        fastavro.writer(file, {"type": "record", "name": "row", "fields": fields}, rows)
    steps = [step("one_hot", "second")]
    data = plan(f"{tmp_path}/rows.avro", features=["x", "day", "second"], types={"day": "number"}, prepare=steps)
    assert read(data).x.tolist() == [[0.5, 20454, 0, 1], [1.5, 20455, 1, 0]]
    assert read(data).y.tolist() == [0, 1]
    with pytest.raises(JobFileError, match=r"column 'nested' .* must hold numbers or lists of numbers, not struct"):
        plan(f"{tmp_path}/rows.avro", features=["nested"])


def test_every_format_is_tried() -> None:
    """The contract holds for all formats of the registry but libsvm and images, which have columns of their own."""
    from yarnml.data.formats.registry import FORMATS, SUFFIXES

    assert {SUFFIXES["." + ending.partition(".")[0]] for ending in SAVES} == {*FORMATS} - {"libsvm", "images"}
    assert {ending.partition(".")[0] for ending in LINES} <= {*SAVES}
