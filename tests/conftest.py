"""Fixtures of all tests: real data, job files, and the ``yarnml`` command as a user starts it."""

import os

from tests import xla

os.environ["NPROC"] = "1"  # before JAX loads: its number of threads is part of the bits, and a worker's default is one
os.environ.update(xla.QUICK)

import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from filelock import FileLock
from hypothesis import HealthCheck, settings

from tests.applications import USER, Cluster
from tests.hadoop import Hadoop
from tests.hadoop.shared import SHARED
from tests.scheduling import (  # noqa: F401  (hooks of all tests)
    pytest_collection_modifyitems,
    pytest_runtest_teardown,
)
from tests.session import (  # noqa: F401  (fixtures and hooks of all tests)
    bounded_memory,
    compiled,
    pytest_fixture_setup,
    pytest_pyfunc_call,
    session_folder,
)

ROOT = Path(__file__).parent.parent

# Children inherit what is ignored, SIGINT by a shell's background job and SIGHUP behind nohup, but no handlers.
signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, lambda *_: None)

# An example may take as long as it likes: a busy machine is no fault.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

Job = dict[str, Any]


MakeOnce = Callable[[str, Callable[[Path], object]], Path]


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MakeOnce:
    """Fills a folder by its name, once for all processes of the session; returns it."""
    root = session_folder(tmp_path_factory) / "shared"
    root.mkdir(exist_ok=True)

    def make(name: str, fill: Callable[[Path], object]) -> Path:
        folder = root / name
        with FileLock(root / f"{name}.lock"):
            if not folder.exists():
                unfinished = Path(tempfile.mkdtemp(dir=root))
                fill(unfinished)
                unfinished.rename(folder)
        return folder

    return make


@pytest.fixture(autouse=True)
def _strict_promotion() -> Iterator[None]:
    """Our own arithmetic never relies on implicit promotion of types."""
    with jax.numpy_dtype_promotion("strict"):
        yield


MakeExample = Callable[[str], Path]


@pytest.fixture(scope="session")
def example_data(made_once: MakeOnce) -> MakeExample:
    """The folder that an example's make_data.py fills, by the name of the example."""

    def make(example: str) -> Path:
        line = [sys.executable, ROOT / "examples" / example / "make_data.py"]
        return made_once(example, lambda folder: subprocess.run([*line, folder], check=True))

    return make


@pytest.fixture(scope="session")
def digits(example_data: MakeExample) -> Path:
    """A folder with the handwritten digits: train/ (four Parquet files) and test/."""
    return example_data("digits")


@pytest.fixture(scope="session")
def docstrings(example_data: MakeExample) -> Path:
    """A folder with the documentation strings of Python's own packages: train/ (two Parquet files) and test/."""
    return example_data("docstrings")


@pytest.fixture
def silent() -> Iterator[str]:
    """host:port of a server that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield "127.0.0.1:{1}".format(*server.getsockname())


@pytest.fixture(scope="module", name="hadoop")
def _hadoop() -> Hadoop:
    """A real cluster, HDFS and YARN on three hosts; all modules of one mark ``cluster`` use the same."""
    return SHARED.get()


@pytest.fixture(scope="module")
def cluster(hadoop: Hadoop, digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Cluster:
    """The process cluster with the digits on its HDFS."""
    client = Cluster(hadoop, tmp_path_factory.mktemp("jobs"))
    for part in ("train", "test"):
        client.put(digits / part, f"{USER}/digits/{part}")
    return client


def job_on_digits(digits: Path, folder: Path) -> Job:
    """A small job on the digits, as a mapping, with its checkpoints and models in a folder."""
    return {
        "name": "digits",
        "data": {
            "train": str(digits / "train"),
            "test": str(digits / "test"),
            "features": ["pixels"],
            "label": "digit",
            "scale": "standard",
        },
        "learner": {"kind": "mlp", "hidden": [16], "optimizer": {"kind": "adam", "learning_rate": 0.01}},
        "training": {"epochs": 2, "batch_size": 128},
        "checkpoint": {"path": str(folder / "job")},
        "export": str(folder / "models"),
    }


@pytest.fixture
def digits_job(digits: Path, tmp_path: Path) -> Job:
    """A small job on the digits, as a mapping; its checkpoints and models go to the test's own folder."""
    return job_on_digits(digits, tmp_path)


@pytest.fixture
def write_job(tmp_path: Path) -> Callable[[Job], Path]:
    """Writes a mapping as job.yaml in the test's folder."""

    def write(job: Job) -> Path:
        path = tmp_path / "job.yaml"
        path.write_text(yaml.safe_dump(job))
        return path

    return write


@pytest.fixture
def write_table(tmp_path: Path) -> Callable[..., Path]:
    """Writes columns as a Parquet file in the test's folder."""

    def write(name: str, row_group_size: int = 1000, **columns: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        arrays = {n: c if isinstance(c, pa.Array | np.ndarray) else pa.array(c) for n, c in columns.items()}
        pq.write_table(pa.table(arrays), path, row_group_size=row_group_size)
        return path

    return write


@pytest.fixture
def yarnml_command() -> Callable[..., "subprocess.CompletedProcess[str]"]:
    """Runs ``yarnml …`` as a process of its own, as a user would; returns its status and output."""

    def command(*arguments: str | Path, timeout: float = 120) -> "subprocess.CompletedProcess[str]":
        line = [sys.executable, "-m", "yarnml", *map(str, arguments)]
        return subprocess.run(line, capture_output=True, text=True, timeout=timeout, stdin=subprocess.DEVNULL)

    return command
