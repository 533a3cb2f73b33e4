"""The frame of the command line: every end is one sentence and a status, wherever the output goes."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tests.processes import shown_on_terminal

Job = dict[str, Any]

LIBRARIES = ("yarnml.cli.commands", "click", "msgspec", "rich.console", "pyarrow", "yaml")

INTERRUPTS = """
import builtins, os, signal, sys, threading

class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.{name})

sys.meta_path.insert(0, Interrupts())
"""


def run(
    *arguments: str | Path, variables: Mapping[str, str] = {}, **options: Any
) -> "subprocess.CompletedProcess[str]":
    line = [sys.executable, "-m", "yarnml", *map(str, arguments)]
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    return subprocess.run(line, text=True, timeout=120, env=os.environ | variables, **options)


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """The file of a job that runs in a moment."""
    pq.write_table(pa.table({"x": [1.0, 2.0, 3.0, 4.0] * 10, "y": [0, 1, 0, 1] * 10}), tmp_path / "rows.parquet")
    job = {
        "name": "small",
        "data": {"train": "rows.parquet", "features": ["x"], "label": "y"},
        "learner": {"kind": "logistic"},
        "training": {"epochs": 2},
        "checkpoint": {"path": "job"},
        "export": "models",
    }
    path = tmp_path / "job.yaml"
    path.write_text(yaml.safe_dump(job))
    return path


@pytest.mark.parametrize(
    ("module", "name"),
    [
        *(pytest.param(module, "SIGTERM", marks=pytest.mark.breadth) for module in LIBRARIES),
        ("numpy", "SIGTERM"),
        ("yarnml.cli.commands", "SIGINT"),
        ("pyarrow", "SIGHUP"),
    ],
)
def test_a_signal_while_libraries_load(module: str, name: str, small: Path, tmp_path: Path) -> None:
    """One sentence and status 130, however early the signal comes."""
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTS.format(module=module, name=name))
    done = run("run", small, "--backend", "inline", variables={"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stdout, done.stderr.lstrip("\n")) == (130, "", "Stopped.\n")


@pytest.mark.long
@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGHUP, marks=pytest.mark.breadth)])
def test_a_signal_while_it_trains(number: signal.Signals, small: Path, tmp_path: Path) -> None:
    """SIGTERM and a terminal that is gone are as Ctrl-C: the job is left so that the same command goes on."""
    job = yaml.safe_load(small.read_text())
    job["training"]["epochs"] = 1_000_000
    job["workers"] = {"count": 1}
    small.write_text(yaml.safe_dump(job))
    line = [sys.executable, "-m", "yarnml", "run", str(small)]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as popen:
        assert popen.stdout
        while not popen.stdout.readline().startswith("epoch"):
            pass
        popen.send_signal(number)
        popen.stdout.read()
        assert popen.stderr
        errors = popen.stderr.read()
    assert popen.returncode == 130
    assert errors.startswith("stopped: ")
    assert errors.endswith(("Run the same command again to continue.\n", "so the same command begins anew.\n"))
    assert errors.count("\n") == 1
    assert list(tmp_path.rglob(".tmp-*")) == []


def test_a_command_outlives_nohup() -> None:
    """Signals that the parent has switched off stay so."""
    ask = "import signal; print(signal.getsignal(signal.SIGHUP) == signal.SIG_IGN)"
    code = f"from yarnml.cli.frame import _Signals; _Signals().listen(); {ask}"
    line = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", sys.executable, "-c", code]
    done = subprocess.run(line, capture_output=True, text=True)
    assert done.stdout == "True\n", done.stderr


@pytest.mark.long
@pytest.mark.breadth
def test_a_job_whose_output_is_full(small: Path, tmp_path: Path) -> None:
    """The job goes on and ends well; that nobody saw it is told once."""
    with open("/dev/full", "w") as full:
        done = run("run", small, "--set", "workers.count=1", stdout=full)
    assert done.returncode == 0
    assert done.stderr == (
        "warning: The output can't be written, and the job goes on without it: No space left on device.\n"
    )
    assert (tmp_path / "models/1/model.json").exists()


@pytest.mark.breadth
@pytest.mark.long
def test_a_job_whose_reader_has_left(small: Path, tmp_path: Path) -> None:
    """It goes on, too, behind a pipe whose reader has seen enough, as in `yarnml run job.yaml | head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    done = run("run", small, "--backend", "inline", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr.count("\n")) == (0, 1)
    assert done.stderr.startswith("warning: The output can't be written")


@pytest.mark.breadth
@pytest.mark.long
def test_both_outputs_are_full(small: Path, tmp_path: Path) -> None:
    """Then nobody can be told, and the status is still right."""
    with open("/dev/full", "w") as full:
        assert run("run", small, "--backend", "inline", stdout=full, stderr=full).returncode == 0
        assert run("run", tmp_path / "none.yaml", stdout=full, stderr=full).returncode == 2


@pytest.mark.long
def test_no_output_at_all(small: Path) -> None:
    """Standard output and error may be closed."""
    line = f"{sys.executable} -m yarnml run {small} --backend inline >&- 2>&- </dev/null"
    assert subprocess.run(["sh", "-c", line]).returncode == 0


@pytest.mark.parametrize("arguments", [["--version"], ["run", "--help"]])
def test_a_command_whose_output_is_full(arguments: list[str]) -> None:
    """Other commands say so in one sentence."""
    with open("/dev/full", "w") as full:
        done = run(*arguments, stdout=full)
    assert (done.returncode, done.stderr) == (1, "error: The output can't be written: No space left on device.\n")


def test_an_output_without_the_characters(small: Path) -> None:
    """A terminal of ASCII alone gets their numbers."""
    done = run("run", small, "--backend", "inline", "--set", "name=é", variables={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 2
    assert "str '\\xe9'" in done.stderr


def test_an_error_is_one_line(small: Path) -> None:
    """Line breaks in a name of the job file do not break the sentence."""
    small.write_text(small.read_text() + '"two\\nlines": 1\n')
    ended = run("submit", small, "--dry-run")
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "unknown key 'two lines'" in ended.stderr


def test_names_of_the_data_move_no_cursor(small: Path, tmp_path: Path) -> None:
    """A header of a CSV file with escape sequences is quoted, not obeyed."""
    (tmp_path / "rows.csv").write_text("\x1b]0;pwned\x07\x1b[2Ja,b\n1,2\n")
    line = [sys.executable, "-m", "yarnml", "run", str(small), "--set", f"data.train={tmp_path}/rows.csv"]
    status, shown = shown_on_terminal(line)
    assert status == 2
    assert b"\\x1b]0;pwned\\x07\\x1b[2Ja" in shown
    assert b"\x1b]0" not in shown
    assert b"\x1b[2J" not in shown


@pytest.mark.parametrize(
    "arguments",
    [["scale", "app", "10" * 20], ["scale", "app", "--reducers", "-1"], ["logs", "app", "--index", "9" * 30],
     ["recommend", "models", "--output", "o", "--top", "9" * 30]],
)  # fmt: skip
def test_numbers_without_bounds(arguments: list[str]) -> None:
    """Numbers on the command line have bounds like those of a job file."""
    done = run(*arguments)
    assert done.returncode == 2
    assert "is not in the range" in done.stderr
