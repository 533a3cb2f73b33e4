"""Jobs that predict: the rows in their order, the same bytes whatever happens, and what is refused."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import yarnml
from tests import families
from tests.command_line import command_line
from tests.processes import running, wait_for
from yarnml.cli import main
from yarnml.errors import YarnmlError
from yarnml.events.events import Predicted
from yarnml.job.load import load_prediction
from yarnml.runner import run_any

Document = dict[str, Any]


def predict(folder: Path, output: Path, rows: Path | str = "rows.parquet", **changes: Any) -> Predicted:
    """Predict rows of a folder with its model, in this process."""
    section = {"model": str(folder / "models"), "data": str(folder / rows), "output": str(output), **changes}
    end = run_any(load_prediction({"name": "test", "predict": section}), "inline")
    assert isinstance(end, Predicted)
    return end


def test_the_rows_come_in_order(cancer: Path, tmp_path: Path) -> None:
    """Kept columns, prediction and probabilities are those of the loaded model, row by row, over all files."""
    end = predict(cancer, tmp_path / "out", keep=["id"], shards=4)
    table = pq.read_table(tmp_path / "out")
    rows = pq.read_table(cancer / "rows.parquet")
    model = yarnml.load_model(cancer / "models")
    assert (end.rows, end.nulls, end.files) == (569, 0, 4)
    assert table.column_names == ["id", "prediction", "probabilities"]
    assert table["id"] == rows["id"]
    assert (table["prediction"].to_numpy() == model.predict(rows)).all()
    probabilities = np.stack(table["probabilities"].to_numpy())
    np.testing.assert_allclose(probabilities, model.predict_proba(rows), rtol=1e-5, atol=1e-6)
    names = [f"part-{n:07d}.parquet" for n in range(4)]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["_SUCCESS", *names]
    assert sorted(p.name for p in tmp_path.iterdir()) == [".yarnml-predict-out", "out"]


def test_csv_predicts_as_parquet(cancer: Path, tmp_path: Path) -> None:
    """Rows as text give the files of those in Parquet, and a second run of the command has nothing to do."""
    with command_line(
        "predict", cancer / "models/1", "--data", cancer / "rows.csv", "--output", tmp_path / "csv", "--keep", "id",
        "--backend", "inline",
    ):  # fmt: skip
        for _ in range(2):
            with pytest.raises(SystemExit) as status:
                main()
            assert status.value.code == 0
    predict(cancer, tmp_path / "parquet", keep=["id"])
    part = "part-0000000.parquet"
    assert (tmp_path / "csv" / part).read_bytes() == (tmp_path / "parquet" / part).read_bytes()


def test_numbers_and_null(diabetes: Path, tmp_path: Path) -> None:
    """Rows that can't be predicted are null and counted with ``on_error: null``; a null that a step fills is none."""
    rows = pq.read_table(diabetes / "rows.parquet").to_pandas()
    rows.loc[[3, 50, 51], "age"] = np.nan
    rows.loc[60, "bp"] = np.inf
    rows.loc[70, "s1"] = 1e300
    rows.loc[[3, 80], "bmi"] = np.nan
    broken = tmp_path / "broken.parquet"
    pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), broken)
    end = predict(diabetes, tmp_path / "out", broken, on_error=None, shards=3)
    prediction = pq.read_table(tmp_path / "out")["prediction"].to_numpy()
    lost = [3, 50, 51, 60, 70]
    assert end.nulls == len(lost)
    assert np.flatnonzero(np.isnan(prediction)).tolist() == lost
    expected = yarnml.load_model(diabetes / "models").predict(rows.drop(lost))
    np.testing.assert_allclose(np.delete(prediction, lost), expected, rtol=1e-6)
    with pytest.raises(YarnmlError, match=r"column 'age' has 3 nulls|column 'age' holds NaN"):
        predict(diabetes, tmp_path / "fails", broken)
    assert not (tmp_path / "fails").exists()


@pytest.mark.long
def test_the_same_bytes_after_any_death(cancer: Path, tmp_path: Path, write_job: Callable[[Document], Path]) -> None:
    """A worker is killed, then all processes at once: the next run keeps what is done, and the bytes are the same."""
    shards = 569
    section = {"model": str(cancer / "models"), "data": str(cancer / "rows.parquet"), "shards": shards, "keep": ["id"]}
    job = {"name": "killed", "predict": section | {"output": str(tmp_path / "out")}, "workers": {"count": 2}}
    parts = tmp_path / ".yarnml-predict-out/parts"

    def done() -> list[Path]:
        return sorted(parts.glob("part-*"))

    with running(write_job(job)) as run:
        wait_for("some files", lambda: len(done()) > 5 or run.ended)
        run.children()[0].kill()
        before = len(done())
        wait_for("more files", lambda: len(done()) > before + 5 or run.ended)
        families.send(run.children())
        run.kill_all()
        printed = run.printed()
    kept = {path.name: path.stat().st_mtime_ns for path in done()}
    assert 10 < len(kept) < shards, printed
    assert not (tmp_path / "out").exists()
    time.sleep(0.01)
    end = run_any(load_prediction(job | {"workers": {"count": 1}}), "inline")
    assert isinstance(end, Predicted)
    assert (end.rows, end.files) == (569, shards)
    assert {name: (tmp_path / "out" / name).stat().st_mtime_ns for name in kept} == kept
    predict(cancer, tmp_path / "whole", keep=["id"], shards=shards)
    for path in (tmp_path / "whole").glob("part-*"):
        assert path.read_bytes() == (tmp_path / "out" / path.name).read_bytes()
    assert [p.name for p in parts.parent.iterdir()] == ["history"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"keep": ["nobody"]}, "predict.keep: the rows have no column 'nobody'; they have mean radius, "),
        ({"keep": ["id", "id"]}, "predict.keep names the column 'id' twice"),
        ({"keep": ["prediction"]}, "predict.keep can't keep a column 'prediction'"),
        ({"data": "{other}"}, "predict.data: the rows have no column 'mean radius'; they have x."),
        ({"data": "{nothing}"}, "predict.data: there is no file at "),
        ({"model": "{nothing}"}, "There is no model at "),
        ({"output": "{full}"}, " exists and holds no predictions of yarnml; choose another folder, or remove it."),
        ({"on_error": "skip"}, "predict.on_error must be 'fail' or 'null'"),
        ({"modle": "x"}, "predict has an unknown key 'modle'; did you mean 'model'?"),
        ({"shards": 0}, "predict.shards must be"),
    ],
)
def test_what_is_refused(
    cancer: Path, tmp_path: Path, write_table: Callable[..., Path], changes: Document, sentence: str
) -> None:
    """A job that can't be done ends in one sentence, and nothing is written."""
    places = {"nothing": tmp_path / "nothing", "full": tmp_path / "full", "other": write_table("other.parquet", x=[1])}
    (tmp_path / "full").mkdir()
    changes = {name: value.format(**places) if isinstance(value, str) else value for name, value in changes.items()}
    section: Document = {"output": str(tmp_path / "out"), **changes}
    with pytest.raises(YarnmlError) as caught:
        predict(cancer, **{"output": section.pop("output"), **section})
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["full", "other.parquet"]


def test_an_output_of_other_rows_stays(cancer: Path, tmp_path: Path) -> None:
    """A job that differs from the one in ``_SUCCESS`` is told what changed; an equal one has nothing to do."""
    predict(cancer, tmp_path / "out")
    identity = json.loads((tmp_path / "out/_SUCCESS").read_text())["identity"]
    assert identity["model"] == yarnml.load_model(cancer / "models").digest
    with pytest.raises(YarnmlError, match="holds other predictions: probabilities changed; choose another folder"):
        predict(cancer, tmp_path / "out", probabilities=False)
    assert predict(cancer, tmp_path / "out").already
