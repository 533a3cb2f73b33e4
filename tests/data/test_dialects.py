"""Text in all its dialects: CSV of other countries and of Hive, compressed, with line breaks; libsvm; JSON."""

import bz2
import gzip
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.datasets import dump_svmlight_file

from tests.data.tables import plan, read, with_classes
from tests.preparing import step
from yarnml.data.dataset import inspect, read_group
from yarnml.data.formats import lines
from yarnml.errors import DataError, JobFileError
from yarnml.job.csv import Csv

HIVE = "1\x01a\x010.5\n\\N\x01b\x011.5\n3\x01\\N\x012.5\n"


@pytest.mark.parametrize("group", [5, 1000])
@pytest.mark.parametrize(
    ("text", "csv", "x"),
    [
        ("x;y\n1,5;0,5\n2,5;1,5\n", {"delimiter": ";", "decimal": ","}, [1.5, 2.5]),
        ("x\ty\n1\t0.5\n2\t1.5\n", {"delimiter": "\t"}, [1, 2]),
        ("1,0.5\n2,1.5\n", {"header": False, "columns": ["x", "y"]}, [1, 2]),
        ("a,b\n1,0.5\n2,1.5\n", {"columns": ["x", "y"]}, [1, 2]),
        ("a note\nanother\nx,y\n1,0.5\n2,1.5\n", {"skip_rows": 2}, [1, 2]),
        ("a note\n1,0.5\n2,1.5\n", {"skip_rows": 1, "header": False, "columns": ["x", "y"]}, [1, 2]),
        ("'x','y'\n'1','0.5'\n'2','1.5'\n", {"quote": "'"}, [1, 2]),
        ('x,t,y\n1,5" wide,0.5\n2,"b,1.5\n', {"quote": None}, [1, 2]),
        ('x,t,y\n1,"a\nb",0.5\n2,"c, ""d""\n\n\ne",1.5\n', {"multiline": True}, [1, 2]),
        ('x,t,y\n1,"a\\"\nb",0.5\n2,"c",1.5\n', {"multiline": True, "escape": "\\"}, [1, 2]),
        ("x,t,y\n1,a\\,b,0.5\n2,c,1.5\n", {"escape": "\\", "quote": None}, [1, 2]),
        ("\ufeffx,y\n1,0.5\n2,1.5\n", {}, [1, 2]),
        ("x,t,y\r\n1,ä,0.5\r\n2,ö,1.5\r\n", {"encoding": "latin-1"}, [1, 2]),
    ],
)
def test_dialects(
    text: str, csv: dict[str, Any], x: list[float], group: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every dialect gives its rows, in groups of any size, plain and compressed."""
    monkeypatch.setattr(lines, "GROUP_BYTES", group)
    data = text.encode(csv.get("encoding", "utf-8"))
    for ending, content in (("csv", data), ("csv.gz", gzip.compress(data)), ("csv.bz2", bz2.compress(data))):
        path = tmp_path / f"rows.{ending}"
        path.write_bytes(content)
        rows = read(plan(str(path), csv=csv))
        assert rows.x[:, 0].tolist() == x
        assert rows.y.tolist() == [0.5, 1.5]


@pytest.mark.parametrize("group", [5, 1000])
def test_escaped_nulls(group: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    r"""A field ``\N`` is null, as MySQL and Hive write it, and ``\\N`` a text, where a backslash is the escape."""
    monkeypatch.setattr(lines, "GROUP_BYTES", group)
    path = tmp_path / "rows.csv"
    path.write_text("\\N\tN\n2\t\\N\r\n3\t\\\\N\n4\ta\\\tb\\\\N\n\\N\t\\N")
    names = {"header": False, "columns": ["x", "t"]}
    for nulls in (["\\N"], None):
        csv = Csv(delimiter="\t", quote=None, escape="\\", null_values=nulls, **names)
        dataset, _ = inspect(str(path), "csv", "data.train", csv)
        columns = pa.schema({"x": pa.float64(), "t": pa.string()})
        table = pa.concat_tables([read_group(dataset, file, number, columns) for file, number in dataset.places])
        assert table["x"].to_pylist() == [None, 2, 3, 4, None]
        assert table["t"].to_pylist() == ["N", None, "\\N", "a\tb\\N", None]


@pytest.mark.parametrize("name", ["ORCID", "SEQ", "PAR1_x", "RCF"])
def test_columns_called_as_formats(name: str, tmp_path: Path) -> None:
    """A header that begins as files of another format do is a header, whatever the file is called."""
    for ending in (".csv", ""):
        path = tmp_path / f"rows{ending}"
        path.write_text(f"{name},y\n1,0.5\n2,1.5\n")
        assert read(plan(str(path), features=[name], format="csv")).x.tolist() == [[1], [2]]


SPARK = 'x,t,y\n1,"a \\"b\\", c",0.5\n2,plain,1.5\n'
PLAIN = (
    'x,t,y\n1,"C:\\dir\\",0.5\n2,"a\\""b",1.5\n',
    'x,t,y\n1,5\\"x,0.5\n2,"b",1.5\n',
    'x,t,y\n1,"a\\\\b",0.5\n2,c,1.5\n',
)


def test_backslashes_before_quotes(tmp_path: Path) -> None:
    """Texts as Spark writes them end in a sentence that says what to set, and with it are read; others pass."""
    path = tmp_path / "rows.csv"
    path.write_text(SPARK)
    with pytest.raises(DataError, match=r"rows\.csv has backslashes .*; set data\.csv: \{escape: '\\'\}, or "):
        inspect(str(path), "csv", "data.train")
    dataset, stored = inspect(str(path), "csv", "data.train", Csv(escape="\\"))
    assert read_group(dataset, 0, 0, stored).column("t").to_pylist() == ['a "b", c', "plain"]
    for text in PLAIN:
        path.write_text(text)
        inspect(str(path), "csv", "data.train")


def test_names_and_texts_of_a_dialect(tmp_path: Path) -> None:
    """Text of another encoding is the text that it was, also in the names of columns."""
    (tmp_path / "rows.csv").write_bytes("größe;wort;y\n1;für;0\n2;süß;1\n".encode("latin-1"))
    data = plan(
        f"{tmp_path}/rows.csv",
        features=["größe", "wort"],
        csv={"delimiter": ";", "encoding": "latin-1"},
        prepare=[step("one_hot", "wort")],
        label_type="number",
    )
    assert with_classes(data).names == ["größe", "wort=für", "wort=süß"]


def test_text_of_hive(tmp_path: Path) -> None:
    """Hive's text has no header, \\x01 between fields and \\N for null, in files without an ending."""
    (tmp_path / "000000_0").write_text(HIVE)
    csv = {"delimiter": "\x01", "header": False, "columns": ["n", "t", "y"], "quote": None, "null_values": ["\\N"]}
    steps = [step("impute", "n", value=0), step("impute", "t", value="none"), step("one_hot", "t")]
    data = plan(str(tmp_path), features=["n", "t"], format="csv", csv=csv, prepare=steps)
    assert with_classes(data).names == ["n", "t=a", "t=b", "t=none"]
    assert read(data).x.tolist() == [[1, 1, 0, 0], [0, 0, 1, 0], [3, 0, 0, 1]]


def test_null_values(tmp_path: Path) -> None:
    """Given null values stand in place of the usual ones."""
    (tmp_path / "rows.csv").write_text("x,t,y\n1,NA,0.5\n?,a,1.5\n")
    steps = [step("impute", "x", value=-1), step("one_hot", "t")]
    data = plan(f"{tmp_path}/rows.csv", features=["x", "t"], csv={"null_values": ["?"]}, prepare=steps)
    assert with_classes(data).names == ["x", "t=NA", "t=a"]
    assert read(data).x.tolist() == [[1, 1, 0], [-1, 0, 1]]


def test_another_dialect_is_another_dataset(tmp_path: Path) -> None:
    """The fingerprint knows the dialect, and the usual one as before there were any."""
    (tmp_path / "rows.csv").write_text("x,y\n1,0.5\n2,1.5\n")
    prints = [
        plan(f"{tmp_path}/rows.csv", csv=csv).datasets["train"].fingerprint for csv in (None, {}, {"null_values": []})
    ]
    assert prints[0] == prints[1] != prints[2]


@pytest.mark.parametrize(
    ("csv", "words"),
    [
        ({"header": False}, "data.csv.header is false, so data.csv.columns must name"),
        ({"columns": ["x", "x"]}, "names a column twice"),
        ({"delimiter": "ab"}, "data.csv.delimiter"),
        ({"delimiter": "\n"}, "must be one ASCII character and no line break"),
        ({"delimiter": "é"}, "must be one ASCII character"),
        ({"quote": ","}, "must be different characters"),
        ({"decimal": ","}, "must be different characters"),
        ({"encoding": "utf-16"}, "has line breaks of several bytes"),
        ({"encoding": "klingon"}, "is none that Python knows"),
        ({"multiline": True, "quote": None}, "multiline is for texts in quotes"),
        ({"separator": ";"}, "unknown key 'separator'"),
    ],
)
def test_a_wrong_dialect(csv: dict[str, Any], words: str, tmp_path: Path) -> None:
    """A dialect that can't be is refused by its field, before any file is read."""
    with pytest.raises(JobFileError, match=words):
        plan(f"{tmp_path}/rows.csv", csv=csv)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"x,y\r1,2\r3,4\r", "is not readable CSV|old Macs|holds no rows"),
        ("a.csv", b'x,y\n1,"a\n2,b\n', "is not readable CSV|multiline: true"),
        ("a.csv.gz", b"\x1f\x8b\x08\x00broken", "is not a whole file of gzip"),
        ("a.jsonl", b'[{"x": 1}]\n', "is one JSON list"),
        ("a.jsonl", b'{"x": 1\n "y": 2}\n', "is not readable JSON Lines"),
        ("a.jsonl", b'{"x": 1, "y": 0}{"x": 1, "y": 0}\n', "has 1 lines but 2 objects"),
        ("a.jsonl", b'{"x": 1, "y": 1}\n{"x": {"a": 1}, "y": 0}\n', "is not readable JSON Lines: .*[Cc]olumn"),
        ("a.svm", b"1 3:a\n", "is not readable libsvm: a line is 'label number:value"),
        ("a.svm", b"yes 3:1\n", "one begins with 'yes 3:1'"),
    ],
)
def test_text_that_can_not_be_read(name: str, content: bytes, words: str, tmp_path: Path) -> None:
    """A text that is none of its format is refused in one sentence."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=words) as refusal:
        read(plan(f"{tmp_path}/{name}"))
    assert "\n" not in str(refusal.value)


def test_json_fields(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields may be missing, in any order, and whole in one group and fractions in another; dates stay text."""
    monkeypatch.setattr(lines, "GROUP_BYTES", 40)
    rows = ['{"x": 1, "y": 0.5, "d": "2026-01-02"}', '{"y": 1.5, "x": 2.5, "more": [1]}', "", '{"y": 2.5, "d": null}']
    (tmp_path / "a.jsonl").write_text("\n".join(rows))
    data = plan(f"{tmp_path}/a.jsonl", prepare=[step("impute", "x", value=0)], where="d is null or d >= '2026-01-02'")
    assert read(data).x[:, 0].tolist() == [1, 2.5, 0]
    steps = [step("impute", "d", value="0"), step("one_hot", "d")]
    data = plan(f"{tmp_path}/a.jsonl", features=["d"], prepare=steps)
    assert with_classes(data).names == ["d=0", "d=2026-01-02"]


def test_libsvm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of scikit-learn's gives labels, groups and a map of the numbers that are not 0."""
    monkeypatch.setattr(lines, "GROUP_BYTES", 100)
    x = np.where(np.arange(120).reshape(30, 4) % 3, 0, np.arange(120).reshape(30, 4) / 8)
    y = np.arange(30) % 2 * 2 - 1
    content = io.BytesIO()
    dump_svmlight_file(x, y, content, zero_based=False, query_id=np.arange(30) // 5, comment="a comment")
    (tmp_path / "rows.svm").write_bytes(content.getvalue())
    dataset, columns = inspect(f"{tmp_path}/rows.svm", "auto", "data.train")
    assert len(dataset.group_rows) > 3
    table = pa.concat_tables(read_group(dataset, 0, n, columns) for n in range(len(dataset.group_rows)))
    assert table["label"].to_pylist() == y.tolist()
    assert table["qid"].to_pylist() == [n // 5 for n in range(30)]
    expected = [{k + 1: v for k, v in enumerate(row) if v} for row in x.tolist()]
    assert [dict(row) for row in table["features"].to_pylist()] == expected
