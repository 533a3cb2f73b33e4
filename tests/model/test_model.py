"""An exported model: versions, and predictions from every form of table or array."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import yarnml
from tests.model.models import FILES, train
from yarnml.data.schema import Feature, Schema
from yarnml.errors import DataError, ExportError
from yarnml.job.spec import Export
from yarnml.model import export
from yarnml.model.scores import check_scored, probabilities, score
from yarnml.model.versions import versions


def test_two_runs_export_the_same_bytes(digits: Path, tmp_path: Path) -> None:
    """Parameters and program of two runs of one job are byte for byte the same, wherever they were run."""
    first, second = (Path(train(tmp_path / name, digits)) for name in ("a", "b"))
    for name in ("model.safetensors", "model.stablehlo"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_the_program_names_no_path(exported: Path) -> None:
    """No source file and no folder of the machine that trained is in the program."""
    code = (exported / "model.stablehlo").read_bytes()
    places = [Path(yarnml.__file__).parent, exported.parent, Path(sys.prefix), Path.home()]
    assert not [p for p in map(str, places) if p != "/" and p.encode() in code]
    assert b".py" not in code


def test_the_description_is_complete(exported: Path) -> None:
    """model.json says what the model is, what it was trained on and with, and how to check all files."""
    about = json.loads((exported / "model.json").read_text())
    assert {path.name for path in exported.iterdir()} == FILES
    assert about.keys() >= {"format", "digests", "learner", "schema", "scaling", "metrics", "data", "packages", "job"}
    assert about["digests"].keys() == FILES
    assert about["schema"]["classes"] == list(range(10))
    assert about["parameters"] == 64 * 10 + 10


def test_it_is_served_without_yarnml(exported: Path, table: pa.Table) -> None:
    """Three lines of safetensors and jax.export, in a process that never imports yarnml, predict the same."""
    program = f"""
import sys, numpy, jax.export, safetensors.numpy
arrays = safetensors.numpy.load_file({str(exported / "model.safetensors")!r})
predict = jax.export.deserialize(bytearray(open({str(exported / "model.stablehlo")!r}, "rb").read())).call
outputs = predict(arrays, numpy.load(sys.argv[1]))
assert "yarnml" not in sys.modules
numpy.save(sys.argv[2], outputs)
"""
    folder = exported.parent
    x = np.stack(table["pixels"].to_numpy(zero_copy_only=False)).astype(np.float32)
    np.save(folder / "x.npy", x)
    subprocess.run([sys.executable, "-c", program, folder / "x.npy", folder / "out.npy"], check=True)
    np.testing.assert_allclose(
        np.load(folder / "out.npy"), yarnml.load_model(str(exported)).outputs(x), rtol=1e-5, atol=1e-6
    )


def test_every_form_of_rows_predicts_the_same(exported: Path, table: pa.Table) -> None:
    """Table, batch, mapping, matrix and images, NumPy's types aside, are the same rows."""
    loaded = yarnml.load_model(exported)
    x = np.stack(table["pixels"].to_numpy(zero_copy_only=False))
    expected = loaded.predict(table)
    assert np.mean(expected == table["digit"].to_numpy()) > 0.8
    forms: list[Any] = [
        table.combine_chunks().to_batches()[0],
        table.select(["pixels"]),
        table.append_column("more", table["digit"]),
        {"pixels": table["pixels"]},
        {"pixels": x},
        x,
        x.astype(np.float32),
        x.reshape(-1, 8, 8),
        x.tolist(),
    ]
    for form in forms:
        np.testing.assert_array_equal(loaded.predict(form), expected)


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 5, 100])
def test_any_number_of_rows(exported: Path, table: pa.Table, rows: int) -> None:
    """A row's outputs do not depend on how many others are predicted with it; no rows are fine too."""
    loaded = yarnml.load_model(exported)
    x = np.stack(table["pixels"].to_numpy(zero_copy_only=False)).astype(np.float32)
    for some in (table.slice(0, rows), x[:rows], x[:rows].reshape(rows, 8, 8), {"pixels": list(x[:rows])}):
        outputs = loaded.outputs(some)
        assert outputs.shape == (rows, 10)
        assert outputs.dtype == np.float32
        assert loaded.predict(some).shape == (rows,)
        np.testing.assert_allclose(outputs, loaded.outputs(x)[:rows], rtol=1e-5, atol=1e-6)


def test_more_rows_than_one_call_takes(exported: Path, table: pa.Table) -> None:
    """Rows beyond the limit of one call are predicted in several, in order."""
    loaded = yarnml.load_model(exported)
    copies = 65536 // len(table) + 2
    many = loaded.predict(pa.concat_tables([table] * copies))
    np.testing.assert_array_equal(many, np.tile(loaded.predict(table), copies))


@pytest.mark.parametrize(
    "labels",
    [["no", "yes"], [3, -7], [True, False], [0.5, 1.5]],
    ids=["strings", "integers", "booleans", "floats"],
)
def test_predictions_have_the_labels_own_type(
    labels: list[Any], tmp_path: Path, write_table: Callable[..., Path]
) -> None:
    """A class that was a string, an integer, a boolean or a float in the data is one in the predictions."""
    x = np.linspace(-1, 1, 40)
    column = pa.array([labels[int(v > 0)] for v in x])
    path = write_table("train.parquet", x=x, y=column)
    job = {
        "name": "types",
        "data": {"train": str(path), "features": ["x"], "label": "y", "label_type": "class"},
        "learner": {"kind": "logistic", "optimizer": {"kind": "sgd", "learning_rate": 10.0}},
        "training": {"epochs": 5, "batch_size": "full"},
        "checkpoint": {"path": str(tmp_path / "job")},
        "export": str(tmp_path / "models"),
    }
    yarnml.run(job, backend="inline")
    predicted = yarnml.load_model(tmp_path / "models").predict({"x": x})
    assert predicted.tolist() == column.to_pylist()
    assert {type(p) for p in predicted.tolist()} == {type(label) for label in labels}


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (pa.table({"other": [1.0]}), "has no column 'pixels'; it has other"),
        (pa.table({"pixels": [[1.0, 2.0]]}), "needs lists of 64 numbers, found one of 2"),
        (pa.table({"pixels": ["text"]}), "must hold numbers"),
        (pa.table({"pixels": pa.array([None], pa.list_(pa.float32()))}), "1 nulls"),
        (np.zeros((3, 63)), r"64 features per row, got shape \[3, 63\]"),
        (np.zeros((0, 63)), r"64 features per row, got shape \[0, 63\]"),
        (np.zeros(64), r"64 features per row, got shape \[64\]"),
        (np.float32(1), r"64 features per row, got shape \[\]"),
        (["a", "b"], "a table or an array of numbers, got a list"),
        ({}, "has no column 'pixels'; it has none"),
        ({"pixels": [10**30]}, "can't make a table of this dict"),
        (np.zeros((2, 64), complex), "a table or an array of numbers, got an array of complex128"),
        (np.zeros((2, 64), "datetime64[s]"), "got an array of datetime64"),
        (np.ma.masked_array(np.zeros((2, 64)), mask=np.eye(2, 64)), "the array: column 'pixels' holds NaN"),
        (np.full((2, 64), np.nan), "the array: column 'pixels' holds NaN; mend"),
        ({"pixels": [[np.inf] * 64]}, "the table: column 'pixels' holds infinity"),
        ({"pixels": [1.0] * 64}, "column 'pixels' needs a list of 64 numbers in every row, but holds double"),
        ({"pixels": [[1.0], "x"]}, "can't make a table of this dict"),
        ({"pixels": [[1.0]], "more": [1, 2]}, "can't make a table of this dict"),
    ],
)
def test_rows_that_do_not_fit_are_refused(exported: Path, data: Any, words: str) -> None:
    """A column that is missing or of the wrong size or type is named, with what was found."""
    with pytest.raises(DataError, match=words):
        yarnml.load_model(exported).predict(data)


def test_urls_of_a_model(copy: Path) -> None:
    """`<export>/<n>` is that version; `<export>` and `<export>/latest` are the newest, by number."""
    folder = copy.parent
    for version in (2, 9, 10):
        shutil.copytree(copy, folder / str(version))
    (folder / "12.old").mkdir()
    (folder / ".tmp-13").mkdir()
    for url in (folder, f"{folder}/", f"{folder}/latest", f"file://{folder}/latest/"):
        assert yarnml.load_model(url).folder.endswith("/10")
    assert yarnml.load_model(folder / "2").folder.endswith("/2")
    assert versions(str(folder)) == [1, 2, 9, 10]


def test_versions_count_up(digits: Path, tmp_path: Path) -> None:
    """Every run exports the next version; an explicit one that exists is refused before any training."""
    assert [Path(train(tmp_path, digits)).name for _ in range(2)] == ["1", "2"]
    at = {"path": str(tmp_path / "models"), "version": 7}
    assert Path(train(tmp_path, digits, export=at)).name == "7"
    assert Path(train(tmp_path, digits)).name == "8"
    with pytest.raises(ExportError, match=r"version 7 exists in .*models; choose another"):
        train(tmp_path, digits, export=at)
    assert sorted(p.name for p in (tmp_path / "models").iterdir()) == ["1", "2", "7", "8"]


def test_a_version_that_appears_meanwhile_is_not_overwritten(copy: Path) -> None:
    """Two jobs may finish together: one gets the next number, and an explicit version fails."""
    folder = copy.parent
    written = shutil.copytree(copy, folder / ".tmp-new")
    with pytest.raises(ExportError, match=r"export.version 1 appeared in"):
        export.commit(Export(path=str(folder), version=1), str(written))
    assert export.commit(Export(path=str(folder)), str(written)) == str(folder / "2")


def test_probabilities_that_rounding_left_below_zero() -> None:
    """They are 0 and the others stay as they are; numbers that are no shares of 1 are refused."""
    schema = Schema((Feature("x", 1),), "y", "class", (0, 1))
    outputs = np.array([[-1e-8, 1.0], [0.25, 0.75]], np.float32)
    np.testing.assert_array_equal(probabilities(outputs, schema, "forest"), [[0.0, 1.0], [0.25, 0.75]])
    with pytest.raises(ExportError, match="are no probabilities here"):
        probabilities(outputs - 0.1, schema, "custom")


@pytest.mark.parametrize("objective", ["cox", "aft", "lambdarank"])
def test_ranks_are_not_compared_with_labels(objective: str) -> None:
    """Predictions that mean something by their order alone have no R²: score names the metric that they have."""
    with pytest.raises(ExportError, match=f"objective {objective} are not; yarnml evaluate has (concordance|ndcg)"):
        check_scored({"kind": "boosting", "objective": objective})
    check_scored({"kind": "boosting", "objective": "poisson"})


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ([1.0, -1.0], "finite numbers of 0 or more"),
        ([1.0, np.nan], "finite numbers of 0 or more"),
        ([0.0, 0.0], "a row with a weight above 0"),
        (["a", "b"], "weights that are numbers"),
    ],
)
def test_weights_of_a_score(weights: list[Any], words: str) -> None:
    """Weights that leave nothing to be weighted are refused in one sentence, and so are no rows at all."""
    schema = Schema((Feature("x", 1),), "y", "number", ())
    with pytest.raises(DataError, match=f"^score needs .*{words}"):
        score(np.zeros(2, np.float32), [pa.chunked_array([[1.0, 2.0]])], weights, schema)
    with pytest.raises(DataError, match="score needs a row"):
        score(np.zeros(0, np.float32), [pa.chunked_array([[]], pa.float64())], None, schema)


def test_nothing_there(tmp_path: Path) -> None:
    """A missing or empty folder, a file, and an unknown protocol are told in one sentence."""
    (tmp_path / "file").write_text("x")
    (tmp_path / "empty").mkdir()
    for url in (tmp_path / "empty", tmp_path / "missing", tmp_path / "file", tmp_path / "empty/latest"):
        with pytest.raises(ExportError, match="There is no model at"):
            yarnml.load_model(url)
    with pytest.raises(ExportError, match=r"There is no model at nosuchprotocol.*unknown protocol"):
        yarnml.load_model("nosuchprotocol://host/model")
