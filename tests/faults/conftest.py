"""The seeds to run, the job that suffers, and the table at the end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest
import yaml

from tests.conftest import MakeOnce, job_on_digits
from tests.faults.figures import Suffered, table
from tests.faults.plan import EPOCHS, KINDS, STEPS
from tests.faults.runs import watched

RUNS = 1  # of the short form
SUFFERED = pytest.StashKey[list[Suffered]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--runs", type=int, default=RUNS, help="how many seeds of the fault suite to run")
    parser.addoption("--first", type=int, default=0, help="the first seed")
    parser.addoption("--kind", choices=sorted({*KINDS}), help="the kind of all jobs, which else the seeds choose")


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


class Write(Protocol):
    """Writes the job that suffers into a folder: short steps by three workers, patient for eight seconds."""

    def __call__(self, folder: Path, *, kind: str = "network", delay: int = 0) -> Path: ...


class Undisturbed(NamedTuple):
    """The bits of a job's model, file by file, when nothing happens to it, and the seconds that it took."""

    model: list[bytes]
    seconds: float


def model_bits(version: Path) -> list[bytes]:
    """The bits of a model's numbers, file by file."""
    return [path.read_bytes() for path in sorted(version.glob("*.safetensors"))]


@pytest.fixture(scope="session")
def write(digits: Path, example_data: Callable[[str], Path]) -> Write:
    def write(folder: Path, *, kind: str = "network", delay: int = 0) -> Path:
        job = job_on_digits(digits, folder)
        job["training"] = {"epochs": EPOCHS, "batch_size": 256, "shards": 3, "delay": delay}
        if kind == "table":
            job["data"] = clicks(example_data("clicks"))
            job["learner"] = {"kind": "sparse_factorization_machine", "rank": 2, "min_count": 3, "max_age": "9 steps"}
        job["training"]["state"] = "replicated" if kind == "network" else "sharded"
        job["workers"] = {"count": 3, "timeout": 8, "max_failures": 50}
        job["checkpoint"] |= {"every": "10 epochs", "keep": 2}
        path = folder / "job.yaml"
        path.write_text(yaml.safe_dump(job))
        return path

    return write


def clicks(folder: Path) -> dict[str, Any]:
    """The data section of a job on keys, of as many rows as its steps take."""
    features = ["site", "advertisement", "device", "user", "words"]
    prepare = [{"kind": "key", "columns": features}]
    rows = 256 * STEPS // EPOCHS - 200
    return {"train": str(folder / "test"), "limit": rows, "features": features, "label": "clicked", "prepare": prepare}


@pytest.fixture(scope="session")
def undisturbed(write: Write, made_once: MakeOnce) -> Callable[[str, int], Undisturbed]:
    """The job without faults, by its kind and its delay."""

    def trained(kind: str, delay: int) -> Undisturbed:
        def train(folder: Path) -> None:
            with watched(write(folder, kind=kind, delay=delay)) as run:
                assert run.end() == 0, run.output
            (folder / "seconds").write_text(str(run.seconds))

        folder = made_once(f"undisturbed under watch, {kind}, {delay}", train)
        return Undisturbed(model_bits(folder / "models/1"), float((folder / "seconds").read_text()))

    return trained
