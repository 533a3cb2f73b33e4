"""The overview of a job before it starts, as ``--plan`` shows it."""

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.command_line import command_line
from tests.preparing import step
from yarnml.cli import main
from yarnml.data.overview import Overview
from yarnml.errors import DataError, JobFileError
from yarnml.job.load import load_job
from yarnml.master.preflight import overview

COLUMNS: dict[str, list[Any]] = {
    "id": list(range(40)),
    "x1": [n / 2 for n in range(40)],
    "x2": [n % 7 for n in range(40)],
    "word": ["a", "b"] * 20,
    "w": [1] * 40,
    "y": [n % 2 for n in range(40)],
}


def seen(folder: Path, *, search: Any = None, **data: Any) -> Overview:
    """The overview of a job on a small table in two files; the folder has nothing more afterwards."""
    for number in range(2):
        part = pa.table(COLUMNS).slice(20 * number, 20)
        pq.write_table(part, folder / f"rows-{number}.parquet", row_group_size=7)
    job = {
        "name": "small",
        "data": {"train": f"{folder}/*.parquet", "label": "y", "features": ["x1"], **data},
        "learner": {"kind": "logistic", "optimizer": {"kind": "sgd", "learning_rate": 0.1}},
        "training": {"epochs": 3, "batch_size": 8, "shards": 3},
        "checkpoint": {"path": f"{folder}/job"},
        **({"search": search} if search else {}),
    }
    before = {*folder.rglob("*")}
    result = overview(load_job(job))
    assert {*folder.rglob("*")} == before
    return result


def test_columns_and_rows(tmp_path: Path) -> None:
    """The plan has every column by its name, with its steps, and the rows, shards and steps of the training."""
    features = {"all": True, "except": ["id"]}
    steps = [step("bucket", "x2", edges=[2.0, 4.0], one_hot=True), step("one_hot", "type:text")]
    plan = seen(tmp_path, features=features, weight="w", where="id < 30", validation=0.2, prepare=steps)
    assert [(f.name, f.holds, f.steps, f.numbers) for f in plan.features] == [
        ("x1", "double", (), 1),
        ("x2", "int64", ("bucket",), 3),
        ("word", "string", ("one_hot",), None),
    ]
    assert [(d.name, d.files, d.groups, d.rows, d.stored) for d in plan.datasets] == [
        ("train", 2, 6, 24, 40),
        ("validation", 2, 6, 6, 40),
    ]
    assert (plan.shards, plan.steps) == ([8, 8, 8], 4)
    text = re.sub(" +", " ", str(plan))
    assert "small: logistic, 3 features" in text
    assert "train parquet 2 6" in text
    assert "24 of 40" in text
    assert "word string one_hot learnt by a pass" in text
    assert text.endswith("label: y, a class\nweight: w\n3 shards of 8 rows\n3 epochs of 4 steps\nbegins anew")


def test_a_search(tmp_path: Path) -> None:
    """The trainings of a search are counted."""
    plan = seen(tmp_path, search={"folds": 4, "over": {"learner.l2": [0, 0.1]}})
    assert plan.length.startswith("8 trainings of a search")


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        ({"features": ["z*"]}, JobFileError, "no column fits"),
        ({"where": "id < 2"}, DataError, "fewer than the 3 shards"),
    ],
)
def test_what_would_be_refused(data: Any, kind: type[Exception], words: str, tmp_path: Path) -> None:
    """A job that would be refused is refused in the same words."""
    with pytest.raises(kind, match=words):
        seen(tmp_path, **data)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["run", "job.yaml", "--plan"], "--plan is for jobs that train, and job.yaml does not train"),
        (["submit", "job.yaml", "--plan"], "--plan is for jobs that train, and job.yaml does not train"),
        (["run", "job.yaml", "--plan", "--restart"], "--plan does nothing to a job"),
    ],
)
def test_no_plan(
    command: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A prediction has no plan, and a plan forgets nothing."""
    monkeypatch.chdir(tmp_path)
    Path("job.yaml").write_text("name: p\npredict: {model: models, data: a.parquet, output: out}\n")
    with command_line(*command), pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 2
    assert words in capfd.readouterr().err
