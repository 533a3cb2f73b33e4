"""Secrets of a job file: the values of variables and passwords in URLs stay out of all that a job leaves and says."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
import yaml

import yarnml
from yarnml.checkpoint import outcomes
from yarnml.errors import YarnmlError
from yarnml.job.load import load_job

Job = dict[str, Any]

IN_A_VARIABLE = 'hunter2-$(TOP) "SECRET"\nline two of it'
IN_A_URL = "pass%2Fword-of-ann"
PLANTED_IN = ("secret.yaml", "fails.py", "fails.cpython-{}{}.pyc".format(*sys.version_info))
PLANTED = ["hunter2", "SECRET", "line two", "pass%2Fword", "pass/word"]

VAULT = """
from fsspec.implementations.local import LocalFileSystem

class Vault(LocalFileSystem):
    protocol = "vault"
    @classmethod
    def _strip_protocol(cls, path):
        text = str(path)
        return "/" + text.partition("://")[2].partition("/")[2] if "://" in text else super()._strip_protocol(text)
"""

FAILS = """
import os
import jax.numpy as jnp
def init(key, schema): return {"w": jnp.zeros(schema.width)}
def loss(p, x, y):
    raise KeyError(f"no access with {os.environ['VAULT_KEY']!r} and pass/word-of-ann to vault://ann:pass%2Fword-of-ann@h/x")
def predict(p, x): return x @ p["w"]
"""


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """Variables of a process that knows vault:// URLs, which lead to this disk and may have a password."""
    packages = tmp_path / "packages"
    about = packages / "vault-1.dist-info"
    about.mkdir(parents=True)
    (packages / "vault.py").write_text(VAULT)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: vault\nVersion: 1\n")
    (about / "entry_points.txt").write_text("[fsspec.specs]\nvault = vault:Vault\n")
    return {"PYTHONPATH": f"{packages}:{os.environ['PYTHONPATH']}"}


@pytest.fixture
def vault() -> None:
    """Have this process know vault:// URLs, too."""
    namespace: dict[str, Any] = {}
    exec(VAULT, namespace)
    fsspec.register_implementation("vault", namespace["Vault"], clobber=True)


@pytest.fixture
def job(digits_job: Job, tmp_path: Path) -> Job:
    """A job whose places all have a password, and that has a secret variable."""
    root = f"vault://ann:{IN_A_URL}@host{tmp_path}"
    digits = {part: f"vault://ann:{IN_A_URL}@host{digits_job['data'][part]}" for part in ("train", "test")}
    return digits_job | {
        "data": digits_job["data"] | digits,
        "environment": {"variables": {"VAULT_KEY": IN_A_VARIABLE}},
        "checkpoint": {"path": f"{root}/job"},
        "export": f"{root}/models",
    }


def run(job: Job, folder: Path, variables: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run the job as a process whose folder for temporary files is ``folder``."""
    file = folder.parent / "secret.yaml"
    file.write_text(yaml.safe_dump(job))
    folder.mkdir()
    line = [sys.executable, "-m", "yarnml", "run", str(file)]
    environment = os.environ | variables | {"TMPDIR": str(folder)}
    return subprocess.run(line, capture_output=True, text=True, timeout=120, env=environment)


def places_of_secrets(folder: Path) -> list[str]:
    """The files below a folder, but the job file, that hold a planted secret."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in PLANTED_IN]
    assert files
    return [f"{path}: {text}" for path in files for text in PLANTED if text.encode() in path.read_bytes()]


@pytest.mark.long
def test_a_job_leaves_no_secret(job: Job, tmp_path: Path, variables: dict[str, str]) -> None:
    """Model, checkpoints, logs, outcome and output hold names and hosts, and none of what was planted."""
    done = run(job, tmp_path / "temporary", variables)
    assert done.returncode == 0, done.stderr
    assert [text for text in PLANTED if text in done.stdout + done.stderr] == []
    assert places_of_secrets(tmp_path) == []
    about = json.loads((tmp_path / "models/1/model.json").read_bytes())["job"]
    assert about["environment"]["variables"] == {"VAULT_KEY": "…"}
    assert about["export"]["path"] == f"vault://ann:…@host{tmp_path}/models"
    again = subprocess.run(done.args, capture_output=True, text=True, env=os.environ | variables)
    assert "had finished before" in again.stdout, again.stderr
    assert (tmp_path / "models/2").exists() is False


@pytest.mark.long
@pytest.mark.breadth
def test_a_failing_job_leaves_no_secret(job: Job, tmp_path: Path, variables: dict[str, str]) -> None:
    """Even where the user's own code raises with it: neither the traceback nor the log of the worker."""
    (tmp_path / "fails.py").write_text(FAILS)
    job["learner"] = {"path": str(tmp_path / "fails.py")}
    job["data"]["label_type"] = "number"
    done = run(job, tmp_path / "temporary", variables)
    assert done.returncode == 1
    assert "no access with" in done.stderr
    assert [text for text in PLANTED if text in done.stdout + done.stderr] == []
    assert places_of_secrets(tmp_path) == []


@pytest.mark.usefixtures("vault")
def test_the_outcome_has_what_opens_the_model(job: Job, tmp_path: Path) -> None:
    """In Python the outcome's URL is the job's own, also where it is read again; what is stored has no password."""
    for _ in range(2):
        outcome = yarnml.run(job, "inline")
        assert outcome.export == f"{job['export']}/1"
    assert yarnml.load_model(outcome.export).about["learner"]["kind"] == "mlp"
    stored = outcomes.read(load_job(job))
    assert stored is not None
    assert stored.export == f"vault://ann:…@host{tmp_path}/models/1"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"data": {"train": "ftp://ann:hunter2@127.0.0.1:9/data", "features": ["x"], "label": "y"}},
            "ftp://ann:…@127.0.0.1:9/data",
        ),
        ({"data": {"train": "nope://ann:hunter2@h/data", "features": ["x"], "label": "y"}}, "nope://ann:…@h/data"),
        ({"environment": {"variables": ["KEY=hunter2"]}}, "environment.variables must be a mapping, not list"),
        ({"environment": {"variables": "KEY=hunter2"}}, "environment.variables must be a mapping, not str"),
        ({"environment": {"variables": {"KEY": ["hunter2"]}}}, "Every value of environment.variables must be text"),
        ({"environment": {"variables": {"a-b": "hunter2"}}}, "'a-b' can't be a variable's name"),
    ],
)
@pytest.mark.usefixtures("vault")
def test_a_refusal_quotes_no_secret(job: Job, changes: Job, words: str) -> None:
    """A wrong field is quoted, but not where it may be a secret."""
    with pytest.raises(YarnmlError) as caught:
        yarnml.run(job | changes, "inline")
    assert words in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_broken_job_file_is_not_quoted(write_job: Callable[..., Path]) -> None:
    """YAML's own error would quote the line; the place is told instead."""
    path = write_job({})
    path.write_text("environment:\n  variables:\n    KEY: hunter2: x\n")
    with pytest.raises(YarnmlError, match=r"is not valid YAML: line 3, column 17: ") as caught:
        load_job(path)
    assert "hunter2" not in str(caught.value)


def test_a_bug_quotes_no_secret(tmp_path: Path) -> None:
    """An exception that nobody foresaw ends with its traceback, without what was hidden."""
    code = "from yarnml.events.log import log_what_nobody_catches\nfrom yarnml.events.redaction import hide\n"
    code += "import threading\nlog_what_nobody_catches()\nhide(['hunter2-of-ann'])\n"
    code += "def fail(): raise KeyError('hunter2-of-ann')\n"
    code += "thread = threading.Thread(target=fail)\nthread.start()\nthread.join()\nfail()\n"
    (tmp_path / "fails.py").write_text(code)
    done = subprocess.run([sys.executable, tmp_path / "fails.py"], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.count("KeyError: '…'") == 2
    assert "hunter2-of-ann')" not in done.stderr.replace(code, "")


@pytest.mark.long
def test_variables_without_measure(job: Job, tmp_path: Path, variables: dict[str, str]) -> None:
    """A value that the system takes for no process is an error of one sentence that quotes nothing."""
    job["environment"] = {"variables": {"LONG": "hunter2" * 50_000}}
    done = run(job, tmp_path / "temporary", variables)
    assert done.returncode == 1
    assert done.stderr == "error: worker 0 can't be started on this machine: Argument list too long.\n"
