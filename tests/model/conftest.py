"""Exported models and rows for them, which several files of tests read."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from sklearn.datasets import load_breast_cancer, load_wine

import yarnml
from tests.conftest import MakeOnce
from tests.model.models import stored, train, with_gaps
from yarnml.model.model import Model, load_model


@pytest.fixture(scope="session")
def exported(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(train(tmp_path_factory.mktemp("model"), digits))


@pytest.fixture
def copy(exported: Path, tmp_path: Path) -> Path:
    """The exported version 1, to be broken."""
    return Path(shutil.copytree(exported, tmp_path / "models" / "1"))


@pytest.fixture(scope="session")
def table(digits: Path) -> pa.Table:
    return pq.read_table(digits / "test")


def fitted(make: MakeOnce, frame: pd.DataFrame, **learner: Any) -> Model:
    """A model of a table, once for all processes of the session."""
    training = {"epochs": 2} if learner["kind"] == "mlp" else {}

    def fill(folder: Path) -> None:
        stored(yarnml.fit(frame, label="target", learner=learner, training=training), folder / "1")

    return load_model(make(f"a model of {learner['kind']}", fill))


@pytest.fixture(scope="session")
def boosting(made_once: MakeOnce) -> Model:
    """A model of two classes, of `with_gaps` (breast cancer)."""
    return fitted(made_once, with_gaps(load_breast_cancer), kind="boosting", trees=3, depth=3)


@pytest.fixture(scope="session")
def forest(made_once: MakeOnce) -> Model:
    """A model of three classes, of `with_gaps` (wine)."""
    return fitted(made_once, with_gaps(load_wine), kind="forest", trees=3, depth=3)


@pytest.fixture(scope="session")
def network(made_once: MakeOnce) -> Model:
    """A network of three classes, of wine."""
    return fitted(made_once, load_wine(as_frame=True).frame, kind="mlp", hidden=[4])
