"""Paths in a job file: where relative ones start, and URLs that nothing can reach."""

from pathlib import Path

import pytest

from tests.job.documents import Document, data, document, refusal
from yarnml.job.learners import Custom
from yarnml.job.load import load_job
from yarnml.job.spec import Export


def test_paths_are_taken_from_the_job_file(tmp_path: Path) -> None:
    """Relative paths start at the job file's folder; absolute ones, URLs and ~ stay what they are."""
    path = tmp_path / "job.yaml"
    path.write_text(
        "name: job\n"
        "data: {train: [a.csv, /b.csv, 'memory://c.csv', ~/d.csv], test: parts/*.csv, features: [x], label: y}\n"
        "learner: {path: 'net.py:Net'}\n"
        "export: models\n"
    )
    job = load_job(path)
    assert job.data.train == [f"{tmp_path}/a.csv", "/b.csv", "memory://c.csv", str(Path.home() / "d.csv")]
    assert job.data.test == f"{tmp_path}/parts/*.csv"
    assert job.learner == Custom(path=f"{tmp_path}/net.py:Net")
    assert job.export_to == Export(path=f"{tmp_path}/models")
    assert job.checkpoint.path == f"{tmp_path}/yarnml-jobs/job"


def test_paths_of_a_mapping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mapping's relative paths start at the current folder."""
    monkeypatch.chdir(tmp_path)
    assert load_job(document()).data.train == f"{tmp_path}/rows.csv"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (data(train="foo://bucket/x"), "data.train: foo://bucket/x has an unknown protocol, 'foo'"),
        (data(test=["a.csv", "foo://x"]), "data.test: foo://x has an unknown protocol"),
        (document(checkpoint={"path": "foo://x"}), "checkpoint.path: foo://x has an unknown protocol"),
        (document(export="foo://x"), "export: foo://x has an unknown protocol"),
        (document(learner={"path": "foo://x.py:Net"}), "learner.path: foo://x.py:Net has an unknown protocol"),
    ],
)
def test_unknown_protocol(source: Document, words: str) -> None:
    """A URL that nothing here can reach is refused with the field it stands in."""
    assert words in refusal(source)
