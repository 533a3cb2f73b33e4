"""Damaged model folders: the predictions of the model that was exported, or one sentence."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import yarnml
from tests.fuzz.mutations import damage, damages, edited, edits, fresh
from tests.model.models import FILES, train
from yarnml.errors import YarnmlError
from yarnml.model.model import Model
from yarnml.storage import integrity

X = np.linspace(0, 16, 3 * 64, dtype=np.float32).reshape(3, 64)


@pytest.fixture(scope="module")
def model(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a good model."""
    return Path(train(tmp_path_factory.mktemp("model"), digits))


@pytest.fixture(scope="module")
def predictions(model: Path) -> bytes:
    return yarnml.load_model(model).outputs(X).tobytes()


def loaded(folder: Path) -> Model | None:
    """The model in a folder; None where it is refused in one sentence."""
    try:
        return yarnml.load_model(folder)
    except YarnmlError:
        return None


@settings(settings.get_profile("fuzz"))
@given(drawn=st.lists(damages(sorted(FILES)), min_size=1, max_size=3))
def test_damaged_files(
    model: Path,
    predictions: bytes,
    tmp_path_factory: pytest.TempPathFactory,
    drawn: list[tuple[str, str, int, int]],
) -> None:
    """A model that loads predicts as before, to the bit: digests see every damage."""
    folder = fresh(model, tmp_path_factory.getbasetemp() / "damaged-model")
    for one in drawn:
        damage(folder, *one)
    again = loaded(folder)
    assert again is None or again.outputs(X).tobytes() == predictions


@settings(settings.get_profile("fuzz"))
@given(changes=st.lists(edits(), min_size=1, max_size=4))
def test_documents_of_strangers(
    model: Path, tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, object]]
) -> None:
    """A model.json with other values and right digests loads, or is refused in a sentence."""
    folder = fresh(model, tmp_path_factory.getbasetemp() / "strange-model")
    edited(folder / "model.json", "digests", changes)
    loaded(folder)


@settings(settings.get_profile("fuzz"))
@given(drawn=damages(["model.safetensors", "model.stablehlo"]))
def test_files_of_strangers(
    model: Path, tmp_path_factory: pytest.TempPathFactory, drawn: tuple[str, str, int, int]
) -> None:
    """Tensors and programs with right digests that hold other bytes load, or are refused in a sentence."""
    folder = fresh(model, tmp_path_factory.getbasetemp() / "strange-files")
    damage(folder, *drawn)
    about = folder / "model.json"
    content = folder / drawn[1]
    if content.is_file():
        document = integrity.unseal(about.read_bytes(), "digests", "model.json")
        document["digests"][drawn[1]] = integrity.digest_of(content.read_bytes())
        about.write_bytes(integrity.seal(document, "digests", "model.json"))
    loaded(folder)
