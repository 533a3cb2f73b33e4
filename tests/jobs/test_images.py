"""A job on a folder of images: trained, and used on raw bytes."""

from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image
from sklearn.datasets import load_digits

import yarnml
from tests.jobs.test_predict import predict
from yarnml.errors import DataError

pytestmark = pytest.mark.long

ROWS = 240


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with digits as images, and a network that was trained on them."""
    folder = tmp_path_factory.mktemp("digits")
    table = load_digits()
    images = table.images[:ROWS]
    digits = table.target[:ROWS]
    for number, (image, digit) in enumerate(zip(images, digits, strict=True)):
        path = folder / "images" / str(digit) / f"{number:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray((image * 15).astype("uint8")).save(path)
    job: dict[str, Any] = {
        "name": "digits",
        "data": {
            "train": str(folder / "images"),
            "features": ["image"],
            "label": "folder",
            "prepare": [{"kind": "image", "columns": ["image"], "height": 8, "width": 8, "channels": 1}],
        },
        "learner": {
            "kind": "cnn",
            "channels": [8],
            "hidden": [16],
            "augment": {"crop": 1, "colour": 0.1},
            "optimizer": {"kind": "adam", "learning_rate": 0.01},
        },
        "training": {"epochs": 12, "batch_size": 32},
        "checkpoint": {"path": str(folder / "job")},
        "export": str(folder / "models"),
    }
    yarnml.run(job, backend="inline")
    return folder


def test_a_model_takes_raw_bytes(digits: Path, tmp_path: Path) -> None:
    """The model knows digits by the bytes of their files, from Python and as files, and names its columns by pixels."""
    model = yarnml.load_model(digits / "models")
    files = sorted((digits / "images").rglob("*.png"))
    predicted = model.predict({"image": [path.read_bytes() for path in files]})
    truth = [path.parent.name for path in files]
    assert sum(a == b for a, b in zip(predicted, truth, strict=True)) > 0.8 * ROWS
    predict(digits, tmp_path / "out", "images", keep=["folder", "name"])
    table = pq.read_table(tmp_path / "out")
    assert table["folder"].to_pylist() == truth
    assert table["prediction"].to_pylist() == [*predicted]
    assert model.about["feature_names"][9] == "image[1,1,0]"


def test_a_broken_image_is_named_or_null(digits: Path, tmp_path: Path) -> None:
    """A truncated image ends a prediction with its name, or has none of its own."""
    whole = (digits / "images/0/000.png").read_bytes()
    for name, data in {"a.png": whole, "b.png": whole[:60]}.items():
        (tmp_path / "new" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "new" / name).write_bytes(data)
    with pytest.raises(DataError, match=r"new/b.png: column 'image' is an image that can't be decoded"):
        predict(digits, tmp_path / "out", tmp_path / "new")
    end = predict(digits, tmp_path / "nulls", tmp_path / "new", on_error="null", keep=["name"])
    assert (end.rows, end.nulls) == (2, 1)
