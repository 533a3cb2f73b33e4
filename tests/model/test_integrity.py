"""Models that were damaged, or are of something else, are never loaded."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

import yarnml
from tests.damage import cut
from tests.model.models import FILES, FOR_PEOPLE
from yarnml.errors import ExportError
from yarnml.job.spec import Export
from yarnml.model import export
from yarnml.model.versions import versions
from yarnml.storage import integrity


@pytest.mark.parametrize("name", sorted(FILES - FOR_PEOPLE))
def test_a_torn_model_is_refused(copy: Path, name: str) -> None:
    """A file cut short, changed or missing is found by its digest and named."""
    whole = (copy / name).read_bytes()
    for broken in (whole[:-1], whole[: len(whole) // 2], b"", whole[:-2] + bytes([whole[-2] ^ 1]) + whole[-1:]):
        (copy / name).write_bytes(broken)
        with pytest.raises(ExportError, match=name):
            yarnml.load_model(copy)
    (copy / name).unlink()
    with pytest.raises(ExportError):
        yarnml.load_model(copy)


@pytest.mark.parametrize("document", [{}, [], {"format": "yarnml-model/1"}, {"format": "other", "digests": []}])
def test_a_foreign_folder_is_refused(copy: Path, document: Any) -> None:
    """A model.json of something else is not taken for one of ours; another format of ours is named."""
    about = json.loads((copy / "model.json").read_text())
    (copy / "model.json").write_text(json.dumps(document))
    with pytest.raises(ExportError, match="not a yarnml model"):
        yarnml.load_model(copy)
    other = integrity.seal({**about, "format": "yarnml-model/9"}, "digests", "model.json")
    (copy / "model.json").write_bytes(other)
    with pytest.raises(ExportError, match="format yarnml-model/9; this yarnml reads yarnml-model/1"):
        yarnml.load_model(copy)


def test_a_description_that_was_edited(copy: Path) -> None:
    """model.json has a digest too: with classes in another order it is refused, and not believed."""
    path = copy / "model.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document))
    assert yarnml.load_model(copy).about == document
    document["schema"]["classes"].reverse()
    path.write_text(json.dumps(document))
    with pytest.raises(
        ExportError, match=r"models/1 is torn: model\.json has the SHA-256 \w+…, expected \w+…; take it"
    ):
        yarnml.load_model(copy)


@pytest.mark.parametrize("name", ["model.safetensors", "model.stablehlo", "model.json"])
def test_a_model_that_is_stored_otherwise_gets_no_version(copy: Path, name: str) -> None:
    """A model that is not stored as the worker wrote it is never shown as a version."""
    written = Path(shutil.copytree(copy, copy.parent / ".tmp-new"))
    cut(name)(written)
    with pytest.raises(ExportError, match=name):
        export.commit(Export(path=str(copy.parent)), str(written))
    assert versions(str(copy.parent)) == [1]
