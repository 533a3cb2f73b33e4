"""A folder of images is a table: a row for each file, with its bytes, its folder and its name."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.data.prepare.test_image import DIGIT, encoded
from tests.data.tables import plan, read, same, with_classes
from tests.preparing import step
from yarnml.data.plan import Plan
from yarnml.errors import DataError, JobFileError

STEP = step("image", "image", height=8, width=8, channels=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Seven images of two classes, and a file without a byte."""
    for number in range(7):
        path = tmp_path / "images" / ("cat" if number % 2 else "dog") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(DIGIT + number))
    (tmp_path / "images/dog/9.png").write_bytes(b"")
    return tmp_path / "images"


def planned(path: Path, **fields: object) -> Plan:
    return plan(str(path), **{"features": ["image"], "label": "folder", "prepare": [STEP], **fields})


def test_a_folder_is_a_table(folder: Path, tmp_path: Path) -> None:
    """A column of the same bytes gives the same shards and rows; the folder is the class."""
    files = sorted(path for path in folder.rglob("*.png") if path.stat().st_size)
    columns = {"image": [p.read_bytes() for p in files], "folder": [p.parent.name for p in files]}
    pq.write_table(pa.table(columns), tmp_path / "rows.parquet", row_group_size=3)
    data = planned(folder)
    assert with_classes(data).classes == ("cat", "dog")
    assert data.schema.shape == (8, 8, 1)
    for shards in (1, 3):
        assert same(read(data, shards), read(planned(tmp_path / "rows.parquet"), shards))
    assert planned(folder, where="folder = 'cat' and name <> '1.png'").datasets["train"].rows == 2


def test_a_changed_image_is_named(folder: Path) -> None:
    """An image that is another one than at the start ends the job, and so does one that is broken."""
    data = planned(folder)
    (folder / "cat/1.png").write_bytes(encoded(DIGIT))
    with pytest.raises(DataError, match=r"cat/1.png has changed since the job began: its bytes are others"):
        read(data)
    (folder / "cat/1.png").write_bytes(encoded(DIGIT)[:60])
    with pytest.raises(DataError, match=r"cat/1.png: column 'image' is an image that can't be decoded"):
        read(planned(folder))


def test_images_need_their_step(folder: Path) -> None:
    """Bytes alone are no numbers, and numbers are no images."""
    with pytest.raises(
        JobFileError, match=r"must hold numbers or lists of numbers, not binary.*by image of data.prepare"
    ):
        planned(folder, prepare=[])
    with pytest.raises(JobFileError, match=r"image needs encoded images, as bytes, but column 'name' .* holds string"):
        planned(folder, features=["name"], prepare=[STEP | {"columns": ["name"]}])
