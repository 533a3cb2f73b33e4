"""``export.keep`` and ``export.sign``: a job looks after the versions of its model itself."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

import yarnml
from yarnml.errors import JobFileError
from yarnml.model import registry
from yarnml.model.versions import versions

Job = dict[str, Any]


@pytest.fixture
def job(diabetes: Path, tmp_path: Path) -> Job:
    """A job that exports a signed version."""
    key = tmp_path / "ann.pem"
    subprocess.run(["openssl", "genpkey", "-algorithm", "ed25519", "-out", key], check=True)
    subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", f"{key}.pub"], check=True)
    return {
        "name": "nightly",
        "data": {"train": str(diabetes / "rows.parquet"), "features": ["age", "bp"], "label": "target"},
        "learner": {"kind": "linear"},
        "checkpoint": {"path": str(tmp_path / "job")},
        "export": {"path": str(tmp_path / "models"), "keep": 1, "sign": str(key)},
    }


def test_older_versions_go_but_for_those_that_an_alias_names(job: Job, tmp_path: Path) -> None:
    """The newest of three versions stays and the one in production; each was signed before it appeared."""
    folder = str(tmp_path / "models")
    for number in (1, 2, 3):
        outcome = yarnml.run(job, "inline", restart=True)
        assert outcome.export == f"{folder}/{number}"
        yarnml.load_model(folder, trusted_keys=[tmp_path / "ann.pem.pub"])
        if number == 1:
            registry.promote(folder, "1", "production")
    assert versions(folder) == [1, 3]
    assert not [path for path in (tmp_path / "models").iterdir() if path.name.startswith(".tmp")]
    chosen = job | {"export": job["export"] | {"version": 2}}
    assert yarnml.run(chosen, "inline", restart=True).export == f"{folder}/2"
    assert versions(folder) == [1, 2, 3]


def test_a_key_that_is_none_is_refused_before_any_training(job: Job, tmp_path: Path) -> None:
    """A public key, or no file, ends the job in one sentence that names the field."""
    for key in (f"{tmp_path}/ann.pem.pub", f"{tmp_path}/nobody.pem"):
        with pytest.raises(JobFileError, match=r"export.sign .* can't be read as a private key"):
            yarnml.run(job | {"export": job["export"] | {"sign": key}}, "inline")
    assert not versions(str(tmp_path / "models"))
