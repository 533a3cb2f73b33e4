"""Every example runs as its user would run it, and reaches the quality that its README promises."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import yarnml
from tests import xla
from tests.command_line import command_line
from tests.tiers import cases
from yarnml.cli import main

RUN_SECONDS = 600

pytestmark = [pytest.mark.long, pytest.mark.timeout(RUN_SECONDS + 60)]

ROOT = Path(__file__).parents[2] / "examples"

# job file → metrics of the test data: at least this for accuracy, area and R², at most this for the loss
QUALITY: dict[str, dict[str, float]] = {
    "breast_cancer/job.yaml": {"accuracy": 0.97, "roc_auc": 0.99},
    "breast_cancer/search.yaml": {"accuracy": 0.97, "roc_auc": 0.99},
    "clicks/factorization_machine.yaml": {"roc_auc": 0.765},
    "clicks/job.yaml": {"roc_auc": 0.76},
    "diabetes/job.yaml": {"r2": 0.5},
    "diabetes/lasso.yaml": {"r2": 0.5},
    "digits/boosting.yaml": {"accuracy": 0.95},
    "digits/cnn.yaml": {"accuracy": 0.975},
    "digits/job.yaml": {"accuracy": 0.97},
    "digits/kmeans.yaml": {"loss": 670.0},
    "digits/naive_bayes.yaml": {"accuracy": 0.9},
    "digits/recurrent.yaml": {"accuracy": 0.95},
    "digits/stream.yaml": {"accuracy": 0.93},
    "docstrings/embedding_bag.yaml": {"accuracy": 0.8},
    "docstrings/job.yaml": {"accuracy": 0.72},
    "docstrings/naive_bayes.yaml": {"accuracy": 0.75},
    "docstrings/transformer.yaml": {"accuracy": 0.68},
    "equinox_model/job.yaml": {"accuracy": 0.965},
    "flax_model/job.yaml": {"accuracy": 0.965},
    "images/job.yaml": {"accuracy": 0.95},
    "language/job.yaml": {"loss": 4.4},
    "plain_jax/job.yaml": {"accuracy": 0.95},
    "ratings/job.yaml": {"r2": 0.6},
}

AS_USERS = {"clicks/job.yaml", "digits/job.yaml", "language/job.yaml", "plain_jax/job.yaml"}
"""A job with a table, a network of yarnml's own, one that takes minutes where it isn't optimized, and a user's."""

BASIC = {"digits/job.yaml", "breast_cancer/job.yaml"}
"""Those whose quality `make test` looks at; the others are planned there, and trained in `make test-breadth`."""


def moved_folders(job: dict[str, Any], path: Path, own: Path, example_data: Callable[[str], Path]) -> list[str]:
    """Options that move the folders of an example's job: its data to what is made for tests, results to ``own``."""
    moved = {"checkpoint.path": own / "job", "export": own / "models"}
    for part in ("train", "test"):
        folder, rest = job["data"][part].split("data/")
        moved[f"data.{part}"] = example_data((path.parent / folder).resolve().name) / rest
    return [f"--set={field}={value}" for field, value in moved.items()]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder in which each example has one of its own, for checkpoints and models, by the name of its job file."""
    return tmp_path_factory.mktemp("run")


@pytest.fixture
def run_example(
    example_data: Callable[[str], Path],
    results: Path,
    yarnml_command: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], dict[str, Any]]:
    """Runs a job file, once, with only its folders moved; returns what outcome.json says."""

    def run(name: str) -> dict[str, Any]:
        path = ROOT / name
        for variable in xla.QUICK if name in AS_USERS else ():
            monkeypatch.delenv(variable)
        own = results / name
        if (own / "job/outcome.json").exists():
            return json.loads((own / "job/outcome.json").read_text())
        moved = moved_folders(yaml.safe_load(path.read_text()), path, own, example_data)
        backend = [] if name in AS_USERS else ["--backend", "inline"]
        done = yarnml_command("run", path, *moved, *backend, timeout=RUN_SECONDS)
        assert done.returncode == 0, done.stdout + done.stderr
        assert not re.search("warning", done.stderr, re.IGNORECASE)
        outcome = json.loads((own / "job/outcome.json").read_text())
        assert outcome["export"] in re.sub(r"\s", "", done.stdout)
        return outcome

    return run


@pytest.mark.examples
@pytest.mark.parametrize("name", cases(QUALITY, BASIC))
def test_an_example_reaches_its_quality(name: str, run_example: Callable[[str], dict[str, Any]]) -> None:
    """`yarnml run` on the job file ends well, and the model that it exports is as good as it should be.

    One of each kind runs in the processes that a user gets, its programs compiled with all optimizations; the others
    run in one, which trains the same bits, with programs that are compiled quickly.
    """
    outcome = run_example(name)
    metrics = yarnml.load_model(outcome["export"]).about["metrics"]["test"]
    assert metrics == outcome["metrics"]["test"]
    reached = [metrics[m] <= bound if m == "loss" else metrics[m] >= bound for m, bound in QUALITY[name].items()]
    assert all(reached), metrics


@pytest.mark.parametrize("name", [name for name in QUALITY if name not in BASIC])
def test_an_example_is_planned(
    name: str, example_data: Callable[[str], Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """`yarnml run --plan` takes an example's job file, finds the columns in its data, and ends well."""
    path = ROOT / name
    job = yaml.safe_load(path.read_text())
    moved = moved_folders(job, path, tmp_path, example_data)
    with command_line("run", path, "--plan", *moved), pytest.raises(SystemExit) as end:
        main()
    printed = capfd.readouterr()
    assert not end.value.code, printed.err
    assert job["name"] in printed.out
    assert not list(tmp_path.iterdir())


def test_early_stopping_keeps_the_best_epoch(example_data: Callable[[str], Path], tmp_path: Path) -> None:
    """Gradient descent on the breast cancer data stops early, and its model has the best validation loss of all."""
    job = yaml.safe_load((ROOT / "breast_cancer/job.yaml").read_text())
    for part in ("train", "test"):
        job["data"][part] = str(example_data("breast_cancer") / f"{part}.csv")
    job["data"]["validation"] = 0.15
    job["learner"] |= {"l2": 1e-3, "optimizer": {"kind": "adam", "learning_rate": 2e-2}}
    stopping = {"metric": "loss", "patience": 10, "min_delta": 1e-4}
    job["training"] = {"epochs": 200, "batch_size": 64, "early_stopping": stopping}
    job |= {"checkpoint": {"path": str(tmp_path / "job")}, "export": str(tmp_path / "models")}
    outcome = yarnml.run(job, "inline")
    newest = max((tmp_path / "job/checkpoints").glob("step-*/manifest.json"))
    losses = [epoch["loss"] for epoch in json.loads(newest.read_text())["position"]["history"]]
    assert outcome.stopped_early
    assert len(losses) == outcome.epochs < job["training"]["epochs"]
    assert outcome.metrics["validation"]["loss"] <= min(losses) + stopping["min_delta"]


def test_every_example_is_run() -> None:
    """A job file in examples/ that no test runs can't exist; each folder says what it is."""
    jobs = {str(path.relative_to(ROOT)) for path in ROOT.glob("*/*.yaml")}
    assert jobs == QUALITY.keys()
    assert all((ROOT / name).parent.joinpath("README.md").is_file() for name in jobs)
