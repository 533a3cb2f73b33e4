"""Networks on numbers, categories and texts side by side."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from statsmodels.datasets import fair

import yarnml
from tests.preparing import passes, plan, read
from yarnml.data.prepare.base import follow
from yarnml.errors import JobFileError


def test_embedding_gives_every_value_an_id(tmp_path: Path) -> None:
    """Values have the ids from 2 on, ascending; rare and unknown ones share the next."""
    columns = {"city": ["b", "a", "c", "b"], "y": [0, 1, 1, 0]}
    step = {"kind": "embedding", "columns": ["city"]}
    data = plan(tmp_path, columns, [step], features=["city"])
    schema = passes(data)
    assert read(data, schema).x[:, 0].tolist() == [3, 2, 4, 3]
    assert schema.features[0].ids == 5
    (unknown,) = follow(schema.features[0].steps, pa.array(["d"]), "city", "here")
    assert unknown == 1
    rare = plan(tmp_path, columns, [step | {"min_count": 2}], features=["city"])
    assert read(rare, passes(rare)).x[:, 0].tolist() == [2, 3, 3, 2]


@pytest.mark.long
def test_a_network_learns_from_numbers_categories_and_texts(tmp_path: Path) -> None:
    """On statsmodels' marriages it is as good as the numbers allow, its ids stay as they are, and the model is whole.

    Whatever a city is, an unknown one counts as nothing; the text tells half of the label.
    """
    frame = fair.load_pandas().data
    rows = len(frame)
    jobs = np.array(["student", "farm", "office", "teacher", "business", "professional"])
    label = (frame["affairs"] > 0).to_numpy()
    table = pa.table(
        {
            "marriage": frame["rate_marriage"],
            "years": frame["yrs_married"],
            "work": jobs[frame["occupation"].astype(int) - 1],
            "note": np.where(label & (np.arange(rows) % 2 == 0), "it was told", "nothing is known"),
            "affair": label,
        }
    )
    pq.write_table(table.slice(0, 5000), tmp_path / "train.parquet")
    pq.write_table(table.slice(5000), tmp_path / "test.parquet")
    job = {
        "name": "mixed",
        "data": {
            "train": str(tmp_path / "train.parquet"),
            "test": str(tmp_path / "test.parquet"),
            "features": ["marriage", "work", "note", "years"],
            "label": "affair",
            "prepare": [
                {"kind": "embedding", "columns": ["work"]},
                {"kind": "tokens", "columns": ["note"], "length": 4},
            ],
        },
        "learner": {"kind": "mlp", "hidden": [16], "embedding": 4},
        "training": {"epochs": 5},
        "checkpoint": {"path": str(tmp_path / "job")},
        "export": str(tmp_path / "models"),
    }
    outcome = yarnml.run(job, "inline")
    assert outcome.metrics["test"]["accuracy"] > 0.8
    model = yarnml.load_model(outcome.export)
    judged = np.mean(model.predict(table.slice(5000)) == label[5000:])
    assert judged == pytest.approx(outcome.metrics["test"]["accuracy"])
    row = {"marriage": [3.0], "years": [9.0], "work": ["farm"], "note": ["it was told"]}
    unknown = model.predict_proba({**row, "work": ["astronaut"]})
    np.testing.assert_array_equal(unknown, model.predict_proba({**row, "work": ["pilot"]}))
    assert not np.array_equal(unknown, model.predict_proba(row))


def test_ids_are_no_quantities(tmp_path: Path) -> None:
    """A learner of numbers refuses ids of categories, with a way out."""
    table = pa.table({"city": ["a", "b"], "y": [0, 1]})
    pq.write_table(table, tmp_path / "rows.parquet")
    data = {"train": str(tmp_path / "rows.parquet"), "features": ["city"], "label": "y"}
    data["prepare"] = [{"kind": "embedding", "columns": ["city"]}]
    with pytest.raises(JobFileError, match=r"embedding of data\.prepare makes ids of column 'city'; choose mlp"):
        yarnml.run({"name": "job", "data": data, "learner": {"kind": "logistic"}}, "inline")
