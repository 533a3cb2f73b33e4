"""A look at data: facts that NumPy and pandas agree with, and first job files that run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from sklearn.datasets import load_breast_cancer, load_diabetes, load_wine

import yarnml
from tests.command_line import command_line
from tests.data.formats import sample, save
from tests.preparing import step
from yarnml.cli import main
from yarnml.data.look import facts
from yarnml.data.look.facts import ColumnFacts
from yarnml.data.look.first_job import first_job
from yarnml.data.look.survey import Look, look
from yarnml.errors import JobFileError

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command_here(capfd: pytest.CaptureFixture[str]) -> Command:
    """Runs a command in this process: its status, and its output and errors."""

    def run(*arguments: str) -> tuple[int, str, str]:
        with command_line(*arguments), pytest.raises(SystemExit) as end:
            main()
        return int(end.value.code or 0), *capfd.readouterr()

    return run


def table() -> pd.DataFrame:
    """Real numbers, with columns of every kind beside them."""
    frame = load_wine(as_frame=True).frame
    rows = len(frame)
    frame["colour"] = (["red", "white", None] * rows)[:rows]
    frame["note"] = [f"a note of five words {n}" for n in range(rows)]
    frame["id"] = range(rows)
    frame["code"] = [f"k{n}" for n in range(rows)]
    frame["same"] = 7
    frame["flag"] = [n % 2 == 0 for n in range(rows)]
    frame.loc[::10, "ash"] = np.nan
    return frame


def looked(path: Any, **options: Any) -> Look:
    return look([str(path)], "auto", "DATA", None, options.get("rows"))


def by_name(seen: Look) -> dict[str, ColumnFacts]:
    return {column.name: column for column in seen.columns}


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_facts(ending: str, tmp_path: Path) -> None:
    """Nulls, different values, quantiles and frequent values are those of pandas."""
    frame = table()
    if ending == "csv":
        frame.to_csv(tmp_path / "rows.csv", index=False)
    else:
        pq.write_table(pa.Table.from_pandas(frame), tmp_path / "rows.parquet", row_group_size=50)
    seen = looked(tmp_path / f"rows.{ending}")
    assert (seen.rows, seen.read, seen.files) == (len(frame), len(frame), 1)
    columns = by_name(seen)
    for name, series in frame.items():
        column = columns[str(name)]
        assert column.nulls == series.isna().sum()
        assert column.distinct == series.nunique()
        if column.at:
            expected = np.quantile(series.dropna(), facts.SHARES)
            np.testing.assert_allclose([float(text) for text in column.at], expected, rtol=1e-5)
        assert column.top[0][1] == series.value_counts().iloc[0]
    contents = {name: column.content for name, column in columns.items()}
    assert contents["ash"] == "fractions"
    assert contents["flag"] == "booleans"
    assert contents["colour"] == contents["note"] == contents["code"] == "text"
    assert contents["target"] == contents["id"] == contents["same"] == "whole numbers"
    assert columns["note"].words == 6


def test_other_kinds(tmp_path: Path) -> None:
    """Dates, lists, columns of nulls, of too many values and of types that nothing takes are described as such."""
    n = facts.MAX_VALUES + 1
    days = pa.array(np.arange(n) % 3 + 20454, pa.int32()).cast(pa.date32())
    columns = {
        "day": days,
        "time": days.cast(pa.timestamp("ms")),
        "many": pa.array([str(k) for k in range(n)]),
        "list": pa.array([[1.0, 2.0]] * n),
        "ragged": pa.array([[1.0] * (k % 3) for k in range(n)]),
        "null": pa.nulls(n),
        "struct": pa.array([{"a": 1}] * n),
        "bytes": pa.array([b"\xff"] * n),
        "y": pa.array([k % 2 for k in range(n)]),
    }
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet", row_group_size=4000)
    seen = looked(tmp_path / "rows.parquet")
    columns_seen = by_name(seen)
    assert columns_seen["day"].at == ["2026-01-01", "2026-01-01", "2026-01-02", "2026-01-03", "2026-01-03"]
    assert columns_seen["time"].at is not None
    assert columns_seen["time"].at[0] == "2026-01-01 00:00:00"
    assert columns_seen["many"].distinct is None
    assert columns_seen["many"].is_unique
    assert (columns_seen["list"].lengths, columns_seen["ragged"].lengths) == ((2, 2), (0, 2))
    job = first_job(seen, "y", "job.yaml")
    assert job.document["data"]["features"] == ["day", "time", "list", "ragged"]
    assert job.document["data"]["prepare"] == [
        step("datetime", "day", "time", since="2000-01-01"),
        step("pool", "ragged", by=["mean", "min", "max", "count"]),
    ]
    assert job.left_out == {
        "many": "tells rows apart, as a key does",
        "null": "holds nothing but nulls",
        "struct": "holds struct<a: int64>",
        "struct.a": "has the same value in all rows",
        "bytes": "holds binary",
    }


def test_some_rows(tmp_path: Path) -> None:
    """With --rows whole groups are read, from the first one on, and the number of rows is still that of all."""
    save(sample(), tmp_path / "rows.parquet")
    seen = looked(tmp_path / "rows.parquet", rows=30)
    assert (seen.rows, seen.read) == (100, 40)


@pytest.mark.parametrize(
    ("load", "label_type"), [(load_wine, "class"), (load_breast_cancer, "class"), (load_diabetes, "number")]
)
def test_first_jobs_load(load: Any, label_type: str, tmp_path: Path) -> None:
    """The guess for real data is a job file that is right in every field, with the label as what it is."""
    load(as_frame=True).frame.to_parquet(tmp_path / "rows.parquet")
    document = first_job(looked(tmp_path / "rows.parquet"), None, f"{tmp_path}/a job.yaml").document
    assert yarnml.load_job(document).data.label == "target"
    assert document["data"]["label_type"] == label_type
    assert document["name"] == "a-job"


@pytest.mark.long
def test_a_job_that_runs(tmp_path: Path, command_here: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """The written job file trains as it stands, on folders of CSV with every kind of column, in its dialect."""
    monkeypatch.chdir(tmp_path)
    frame = table().ffill().bfill()
    frame["target"] = np.where(frame["target"] == 0, "a", "b")
    frame.loc[3, "target"] = None
    for number, part in enumerate((frame[:90], frame[90:])):
        (tmp_path / f"t/part={number}").mkdir(parents=True)
        part.to_csv(tmp_path / f"t/part={number}/rows.csv", index=False, sep=";")
    dialect = "{delimiter: ';'}"
    status, out, err = command_here("look", "t", "--csv", dialect, "--write", "job.yaml")
    assert status == 0, err
    assert "csv: 2 files, 2 groups" in out
    assert "job.yaml is written" in out
    text = Path("job.yaml").read_text()
    assert "# left out: id (tells rows apart, as a key does)" in text
    document = yaml.safe_load(text)
    assert document["data"]["where"] == '"target" is not null'
    assert document["data"]["features"][-3:] == ["note", "flag", "part"]
    status, out, err = command_here("run", "job.yaml", "--plan")
    assert status == 0, err
    assert "boosting, 17 features" in out
    assert "begins anew" in out
    status, out, err = command_here("submit", "job.yaml", "--plan")
    assert status == 0, err
    assert "begins anew" in out
    assert " MB travel: what yarnml and the job's code need" in out
    assert not Path("yarnml-jobs").exists()
    # the written learner takes seconds to compile
    options = ["--set", "learner={kind: naive_bayes}"]
    status, out, err = command_here("run", "job.yaml", "--backend", "inline", *options)
    assert status == 0, err
    status, out, err = command_here("run", "job.yaml", "--plan", *options)
    assert "is done" in out
    assert "2 shards of" in out
    model = yarnml.load_model("models")
    assert model.about["data"]["train"]["rows"] + model.about["data"]["validation"]["rows"] == len(frame) - 1
    status, out, err = command_here("look", "t", "--csv", dialect, "--write", "job.yaml")
    assert status == 2
    assert "--write: job.yaml exists" in err
    status, out, err = command_here("look", "t", "--csv", dialect, "--json")
    assert msgspec.json.decode(out)["rows"] == len(frame)


def test_a_page(tmp_path: Path, command_here: Command) -> None:
    """The page shows nulls, how numbers run and frequent values, without scripts, in the place of an old one."""
    pq.write_table(pa.Table.from_pandas(table(), preserve_index=False), tmp_path / "wine.parquet")
    place = tmp_path / "look.html"
    place.write_text("old")
    status, out, err = command_here("look", str(tmp_path / "wine.parquet"), "--report", str(place))
    assert status == 0, err
    assert f"{place}: 20 columns" in out
    page = place.read_text()
    for title in ("Nulls, in % of the rows", "alcohol, by % of the rows", "colour, rows of the most frequent values"):
        assert title in page
    assert page.count("<svg") == 1 + 18  # one for nulls; columns whose values never come twice have none
    assert "<script" not in page
    assert "a note of five" not in page.partition("<table")[0]
    status, out, err = command_here("look", str(tmp_path / "wine.parquet"), "--report", str(tmp_path))
    assert (status, "is a folder; give the name of a file" in err) == (1, True)


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("nothing", "--label: the data have no column 'nothing'"),
        ("skipped", "too many different texts|holds"),
        (None, "--label is needed|holds"),
    ],
)
def test_no_first_job(label: str | None, words: str, tmp_path: Path) -> None:
    """A label that is missing or can't be one is named."""
    columns = {"x": [1.0, 2.0], "skipped": [{"a": 1}, {"a": 2}], "constant": [1, 1]}
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet")
    with pytest.raises(JobFileError, match=words):
        first_job(looked(tmp_path / "rows.parquet"), label, "job.yaml")


@pytest.mark.parametrize(
    ("csv", "words"),
    [("{separator: x}", "--csv has an unknown key"), ("{delimiter: xx}", "--csv"), ("5", "--csv"), ("{", "--csv")],
)
def test_a_wrong_dialect(csv: str, words: str, tmp_path: Path, command_here: Command) -> None:
    """A dialect on the command line is checked as one of a job file."""
    status, _, err = command_here("look", str(tmp_path), "--csv", csv)
    assert (status, words in err) == (2, True), err


def test_quotes_of_spark(tmp_path: Path) -> None:
    """A look finds backslashes before quotes, reads the texts as they are meant, and has the job file say so."""
    path = tmp_path / "rows.csv"
    path.write_text("t,y\n" + "".join(f'"a \\"{n % 7}\\"",{n % 2}\n' for n in range(60)))
    seen = look([str(path)], "auto", "DATA", None, None)
    assert seen.columns[0].top[0] == ('a "0"', 9)
    assert first_job(seen, "y", "job.yaml").document["data"]["csv"] == {"escape": "\\"}
