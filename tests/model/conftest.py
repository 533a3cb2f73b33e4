"""An exported model and rows for it, which several files of tests read."""

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.model.models import train


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
