"""Bad input to the real command: one clear sentence, the right exit status, nothing left behind."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.command_line import command_line
from tests.jobs.bad_input import CLASSES, CONTENTS, JOB_FILE, Case, Job, X, write
from yarnml.cli import main
from yarnml.job.paths import TEMPORARY

Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def good_job(tmp_path: Path) -> Job:
    """A job that runs in a moment: 40 rows, two classes."""
    for name in ("train", "test"):
        write(tmp_path / f"{name}.parquet", x=X, y=CLASSES)
    return {
        "name": "small",
        "data": {"train": "train.parquet", "test": "test.parquet", "features": ["x"], "label": "y"},
        "learner": {"kind": "logistic", "optimizer": {"kind": "sgd", "learning_rate": 0.1}},
        "training": {"epochs": 2, "batch_size": 20},
        "checkpoint": {"path": "job"},
        "export": "models",
    }


def leftovers(folder: Path) -> set[Path]:
    """Every file but the logs and the history, which say how it ended, and every folder of nothing or unfinished."""
    paths = (p for p in folder.rglob("*") if not {"logs", "history"} & {*p.parts})
    return {p for p in paths if p.is_file() or p.name.startswith(TEMPORARY) or not any(p.iterdir())}


def refused(done: "subprocess.CompletedProcess[str]") -> str:
    """The one sentence on stderr."""
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stderr.startswith("error: "), done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr.removeprefix("error: ").strip()


@pytest.fixture
def command_here(capfd: pytest.CaptureFixture[str]) -> Command:
    """The ``yarnml`` command without a process of its own, for the many cases that end in the one that reads them."""

    def command(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        with command_line(*arguments), pytest.raises(SystemExit) as end:
            main()
        out, err = capfd.readouterr()
        return subprocess.CompletedProcess(arguments, end.value.code, out, err)

    return command


@pytest.mark.parametrize("case", [*JOB_FILE, *CONTENTS], ids=lambda case: case.name)
def test_inline(case: Case, tmp_path: Path, good_job: Job, command_here: Command) -> None:
    """Every kind of bad input has its sentence and its exit status, and leaves no file behind."""
    check(case, "inline", tmp_path, good_job, command_here)


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, id=case.name, marks=pytest.mark.long if case.name == "feature null" else pytest.mark.breadth)
        for case in [*JOB_FILE, *CONTENTS]
        if case.name in {"wrong type", "logistic", "feature null", "strange label"}
    ],
)
def test_local(case: Case, tmp_path: Path, good_job: Job, yarnml_command: Command) -> None:
    """An error that a worker finds crosses to the user in the same words and with the same status."""
    check(case, "local", tmp_path, good_job, yarnml_command)


def check(case: Case, backend: str, folder: Path, job: Job, command: Command) -> None:
    case.spoil(folder, job)
    path = folder / "job.yaml"
    path.write_text(yaml.safe_dump(job))
    before = leftovers(folder)
    done = command("run", path, "--backend", backend)
    assert re.search(case.words, refused(done)), done.stderr
    assert done.returncode == case.status
    assert leftovers(folder) == before


@pytest.mark.long
def test_the_good_job(tmp_path: Path, good_job: Job, yarnml_command: Command) -> None:
    """The job that all cases spoil is a good one."""
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(good_job))
    done = yarnml_command("run", tmp_path / "job.yaml", "--backend", "inline")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "models/1/model.json").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run"], r"Missing argument 'JOB.yaml'"),
        (["run", "none.yaml"], r"The job file none\.yaml can't be read: .*No such file"),
        (["run", "."], r"The job file \. can't be read: .*directory"),
        (["run", "none.yaml", "--backend", "cloud"], r"'cloud' is not one of 'inline', 'local'"),
        (["run", "none.yaml", "--sett", "a=1"], r"No such option: --sett|No such option '--sett'"),
        (["rum"], r"No such command 'rum'"),
    ],
)
def test_command_line(arguments: list[str], words: str, yarnml_command: Command) -> None:
    """A command line that can't be used is told apart by status 2."""
    done = yarnml_command(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert re.search(words, done.stderr), done.stderr


def test_bad_override(tmp_path: Path, good_job: Job, yarnml_command: Command) -> None:
    """--set is checked like the job file itself."""
    (tmp_path / "job.yaml").write_text(yaml.safe_dump(good_job))
    done = yarnml_command("run", tmp_path / "job.yaml", "--set", "workers.count")
    assert "--set needs field=value" in refused(done)
    assert done.returncode == 2


@pytest.mark.long
def test_gpus_that_are_not_there(digits_job: Job, write_job: Any, yarnml_command: Any) -> None:
    """A worker that was given GPUs never computes quietly on the processor instead."""
    done = yarnml_command("run", write_job(digits_job), "--set", "workers.gpus=1")
    assert done.returncode == 2
    assert "workers.gpus is 1, but on " in done.stderr
    assert "JAX sees 0 GPUs (CUDA_VISIBLE_DEVICES: " in done.stderr
