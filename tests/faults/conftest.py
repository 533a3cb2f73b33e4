"""The seeds to run, the job that suffers, and the table at the end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import MakeOnce, job_on_digits
from tests.faults.figures import Suffered, table
from tests.faults.plan import EPOCHS
from tests.faults.runs import watched

RUNS = 2  # of the short form
SUFFERED = pytest.StashKey[list[Suffered]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--runs", type=int, default=RUNS, help="how many seeds of the fault suite to run")
    parser.addoption("--first", type=int, default=0, help="the first seed")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        first = metafunc.config.getoption("--first", 0)
        metafunc.parametrize("seed", range(first, first + metafunc.config.getoption("--runs", RUNS)))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if suffered := config.stash.get(SUFFERED, []):
        terminalreporter.section("what the faults cost")
        for line in table(suffered):
            terminalreporter.write_line(line)


@pytest.fixture(scope="session")
def suffered(pytestconfig: pytest.Config) -> list[Suffered]:
    """The runs that came to their end, for the table."""
    return pytestconfig.stash.setdefault(SUFFERED, [])


@pytest.fixture(scope="session")
def write(digits: Path) -> Callable[[Path], Path]:
    """Writes the job that suffers into a folder: 300 short steps by three workers, patient for eight seconds."""

    def write(folder: Path) -> Path:
        job = job_on_digits(digits, folder)
        job["training"] = {"epochs": EPOCHS, "batch_size": 256, "shards": 3}
        job["workers"] = {"count": 3, "timeout": 8, "max_failures": 50}
        job["checkpoint"] |= {"every": "10 epochs", "keep": 2}
        path = folder / "job.yaml"
        path.write_text(yaml.safe_dump(job))
        return path

    return write


@pytest.fixture(scope="session")
def undisturbed(write: Callable[[Path], Path], made_once: MakeOnce) -> tuple[bytes, float]:
    """The bits of the job's model when nothing happens to it, and the seconds that it took."""

    def train(folder: Path) -> None:
        with watched(write(folder)) as run:
            assert run.end() == 0, run.output
        (folder / "seconds").write_text(str(run.seconds))

    folder = made_once("undisturbed under watch", train)
    return (folder / "models/1/model.safetensors").read_bytes(), float((folder / "seconds").read_text())
