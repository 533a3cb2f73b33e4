"""To begin anew removes what yarnml wrote, known by its name and content, and nothing of anybody else's."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

import yarnml
from tests.damage import cut
from tests.jobs import searches
from yarnml import runner
from yarnml.errors import CheckpointError
from yarnml.events.events import Continued, Event
from yarnml.job.load import load_job

pytestmark = pytest.mark.long

Job = dict[str, Any]

FOREIGN = {
    "checkpoints/resnet50-epoch90.pt": "weights",
    "checkpoints/best/model.bin": "weights",
    "checkpoints/step-12/state.safetensors": "of another program",
    "checkpoints/step-000000000001/notes.txt": "of mine",
    "checkpoints/step-000000000002": "a file",
    "checkpoints/.tmp-mine": "of mine",
    "checkpoints/.tmp-step-5-00000000/notes.txt": "of mine",
    "checkpoints/manifest.json": "{}",
    "trials/notes.txt": "of mine",
    "trials/candidate-1/result.csv": "of mine",
    "trials/candidate-0-fold-0/notes.txt": "of mine",
    "search.json": '{"engine": "elastic"}',
    "README.md": "my project",
}


def fill(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def kept(folder: Path) -> dict[str, str]:
    """The files of others that are still there, as they were."""
    return {name: (folder / name).read_text() for name in FOREIGN if (folder / name).is_file()}


@pytest.fixture
def job(digits_job: Job, tmp_path: Path) -> Job:
    """A job whose folder is one in which other things lie, too."""
    digits_job["learner"] = {"kind": "softmax"}
    digits_job["training"] = {"epochs": 1, "batch_size": 500}
    digits_job["checkpoint"] = {"path": str(tmp_path / "project")}
    fill(tmp_path / "project", FOREIGN)
    return digits_job


def test_files_of_others_survive(job: Job, tmp_path: Path) -> None:
    """A run, a restart and another run leave every file that is not yarnml's as it was."""
    project = tmp_path / "project"
    with pytest.raises(CheckpointError, match=r"No checkpoint .* is whole"):  # step-…1 might be a damaged one
        yarnml.run(job, "inline")
    yarnml.run(job, "inline", restart=True)
    assert kept(project) == FOREIGN
    events: list[Event] = []
    yarnml.run(job, "inline", restart=True, say=events.append)
    assert not [event for event in events if isinstance(event, Continued)]
    job["training"]["epochs"] = 2
    yarnml.run(job, "inline", say=events.append)
    assert len([event for event in events if isinstance(event, Continued)]) == 1
    assert kept(project) == FOREIGN


def test_nothing_behind_a_link_is_removed(job: Job, tmp_path: Path) -> None:
    """A link with the name of a checkpoint, of an unfinished one or of a trial is not followed."""
    other = {"manifest.json": "{}", "state.safetensors": "of another job", "outcome.json": "{}"}
    fill(tmp_path / "elsewhere", other)
    for name in ("checkpoints/step-000000000007", "checkpoints/.tmp-step-7-0123abcd", "trials/candidate-0-fold-1"):
        (tmp_path / "project" / name).symlink_to(tmp_path / "elsewhere")
    yarnml.run(job, "inline", restart=True)
    assert {path.name: path.read_text() for path in (tmp_path / "elsewhere").iterdir()} == other


def test_all_that_is_ours_goes(digits_job: Job, tmp_path: Path) -> None:
    """Whole and torn checkpoints, unfinished ones, leftovers of writes, outcome and results go, with their folders."""
    job = searches.job_in(tmp_path) | {"export": None}
    yarnml.run(job, "inline")
    folder = tmp_path / "job"
    newest = max((folder / "checkpoints").glob("step-*"))
    cut("state.safetensors")(newest)
    trial = "trials/candidate-1-fold-0"
    fill(folder, {"checkpoints/.tmp-step-7-0123abcd/state.safetensors": "half", f"{trial}/outcome.json": "{}"})
    fill(
        folder,
        {f"{trial}/checkpoints/step-000000000003/{name}": "x" for name in ("state.safetensors", "manifest.json")},
    )
    fill(
        folder,
        {"checkpoints/.tmp-step-7-0123abcd/.tmp-0123456789abcdef": "half", f"{newest}/.manifest.json.0123abcd": ""},
    )
    runner.preflight(load_job(job), restart=True)
    assert [path.name for path in folder.rglob("*")] == ["checkpoints"]


def test_an_outcome_of_somebody_else_is_not_written_over(job: Job, tmp_path: Path) -> None:
    """A job whose folder has another outcome.json is refused, also with --restart, before anything is trained."""
    outcome = tmp_path / "project/outcome.json"
    outcome.write_text(json.dumps({"patients": 12}))
    for restart in (False, True):
        with pytest.raises(CheckpointError, match=r"outcome\.json is not what a job writes .*; move it away"):
            yarnml.run(job, "inline", restart=restart)
    assert json.loads(outcome.read_text()) == {"patients": 12}


@pytest.mark.parametrize("left", [0, 9, 40])
def test_a_damaged_outcome_of_ours(digits_job: Job, left: int) -> None:
    """The job that wrote it is finished anew from its last step, and a job that begins anew removes it."""
    digits_job |= {"learner": {"kind": "softmax"}, "training": {"epochs": 1, "batch_size": 500}, "export": None}
    outcome = Path(digits_job["checkpoint"]["path"]) / "outcome.json"
    whole = yarnml.run(digits_job, "inline")
    for restart in (False, True):
        os.truncate(outcome, left)
        again = yarnml.run(digits_job, "inline", restart=restart)
        assert (again.step, again.metrics, again.already) == (whole.step, whole.metrics, False)


def test_no_link_is_written_through(digits_job: Job, tmp_path: Path) -> None:
    """An outcome that is a link is replaced; what it leads to stays as it was."""
    victim = tmp_path / "victim"
    digits_job["training"] = {"epochs": 1, "batch_size": 500}
    yarnml.run(digits_job, "inline")
    outcome = Path(digits_job["checkpoint"]["path"]) / "outcome.json"
    os.rename(outcome, victim)
    before = victim.read_bytes()
    outcome.symlink_to(victim)
    digits_job["training"]["epochs"] = 2
    yarnml.run(digits_job, "inline")
    assert victim.read_bytes() == before
    assert not outcome.is_symlink()
