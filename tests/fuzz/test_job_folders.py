"""Damaged outcomes and results of searches: read as they were written, or refused in one sentence and left there."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.mutations import damage, damages, edited, edits, fresh
from yarnml import storage
from yarnml.checkpoint import outcomes
from yarnml.errors import YarnmlError
from yarnml.events.events import Outcome
from yarnml.job import paths
from yarnml.job.load import load_job
from yarnml.job.spec import Job
from yarnml.master import search_results
from yarnml.master.search_results import Candidate, Results
from yarnml.storage.integrity import begins

NAMES = [paths.OUTCOME, paths.SEARCH]
OUTCOME = Outcome("small", 8, 2, {"test": {"loss": 0.5}}, {"total": 1.0}, "/job/checkpoints/step-000000000008")
RESULTS = Results(
    {"learner.kind": "linear"}, 2, "loss", 2, [Candidate({"learner.l2": 0.1}, [{"loss": 0.5}]), Candidate({})]
)


def job_in(folder: Path) -> Job:
    return load_job(
        {
            "name": "small",
            "data": {"train": "rows.csv", "features": ["x"], "label": "y"},
            "learner": {"kind": "linear"},
            "search": {"folds": 2, "over": {"learner.l2": [0.1, 1.0]}},
            "checkpoint": {"path": str(folder)},
        }
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job's folder with an outcome and the results of a search."""
    folder = tmp_path_factory.mktemp("job")
    job = job_in(folder)
    outcomes.write(job, OUTCOME)
    search_results.write(job, RESULTS)
    return folder


def check(folder: Path) -> None:
    """Each file is read or refused; what is refused and none of ours stays when the job begins anew."""
    job = job_in(folder)
    refused = []
    for name, read, forget, beginning in (
        (paths.OUTCOME, outcomes.read, outcomes.forget, b'{"type":"Outcome"'),
        (paths.SEARCH, search_results.read, search_results.forget, b'{\n  "identity": {'),
    ):
        try:
            read(job)
        except YarnmlError:
            refused.append(name)
        before = (folder / name).read_bytes() if (folder / name).is_file() else None
        try:
            forget(job)
        except YarnmlError:
            assert name in refused
        is_own = name not in refused or (before is not None and begins(before, beginning))
        assert is_own or before is None or (folder / name).read_bytes() == before
        assert not is_own or not storage.exists(str(folder / name))


@settings(settings.get_profile("fuzz"))
@given(drawn=st.lists(damages(NAMES), min_size=1, max_size=3))
def test_damaged_files(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, drawn: list[tuple[str, str, int, int]]
) -> None:
    """Damaged bytes, missing files, pipes and links."""
    folder = fresh(whole, tmp_path_factory.getbasetemp() / "damaged-job")
    for one in drawn:
        damage(folder, *one)
    check(folder)


@settings(settings.get_profile("fuzz"))
@given(name=st.sampled_from(NAMES), changes=st.lists(edits(), min_size=1, max_size=4))
def test_documents_of_others(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, name: str, changes: list[tuple[int, object]]
) -> None:
    """Other values, types and fields."""
    folder = fresh(whole, tmp_path_factory.getbasetemp() / "edited-job")
    edited(folder / name, "", changes)
    check(folder)


def test_what_is_whole(whole: Path) -> None:
    """Files without damage are read as they were written."""
    job = job_in(whole)
    assert msgspec.json.encode(outcomes.read(job)) == msgspec.json.encode(OUTCOME)
    assert msgspec.json.encode(search_results.read(job)) == msgspec.json.encode(RESULTS)
