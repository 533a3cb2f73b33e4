"""Checkpoints are read as they were written: a job never goes on from one that was damaged."""

import json
import os
import re
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

import yarnml
from tests.damage import another_format, cut, edited, flipped, folder_for, loop, missing, pipe
from tests.processes import running, saved_steps, wait_for
from yarnml.errors import CheckpointError, YarnmlError
from yarnml.events.events import CheckpointTorn, Continued, Event
from yarnml.storage import integrity

Job = dict[str, Any]

DAMAGES = {
    "state cut": (cut("state.safetensors"), r"^state\.safetensors has the SHA-256 \w{12}…, expected \w{12}…$"),
    "state flipped": (flipped("state.safetensors"), r"^state\.safetensors has the SHA-256 \w{12}…, expected \w{12}…$"),
    "state missing": (missing("state.safetensors"), r"^state\.safetensors is missing$"),
    "manifest cut": (cut("manifest.json"), r"^manifest\.json is no document with digests: "),
    "manifest empty": (lambda folder: os.truncate(folder / "manifest.json", 0), r"^manifest\.json is no document"),
    "manifest edited": (edited, r"^manifest\.json has the SHA-256 \w{12}…, expected \w{12}…$"),
    "manifest missing": (missing("manifest.json"), r"^manifest\.json is missing$"),
    "state a loop": (loop("state.safetensors"), r"^state\.safetensors can't be read: .*symbolic links"),
    "manifest a loop": (loop("manifest.json"), r"^manifest\.json can't be read: .*symbolic links"),
    "state a pipe": (pipe("state.safetensors"), r"^state\.safetensors can't be read: .* is a named pipe, not a file$"),
    "state a folder": (folder_for("state.safetensors"), r"^state\.safetensors is missing$"),
    "format flipped": (another_format, r"^manifest\.json has the SHA-256 \w{12}…, expected \w{12}…$"),
    "empty": (lambda folder: (shutil.rmtree(folder), folder.mkdir()), r"^manifest\.json is missing$"),
    "a file": (lambda folder: (shutil.rmtree(folder), folder.write_text("x")), r"^manifest\.json is missing$"),
}


@pytest.fixture
def job(digits_job: Job) -> Job:
    """A job of three epochs with a checkpoint after each; two are trained."""
    digits_job["learner"] = {"kind": "softmax", "optimizer": {"kind": "adam", "learning_rate": 0.02}}
    digits_job["training"] = {"epochs": 2, "batch_size": 256, "shards": 2}
    yarnml.run(digits_job, "inline")
    digits_job["training"]["epochs"] = 3
    return digits_job


def folders(job: Job) -> list[Path]:
    """The folders of the committed checkpoints, oldest first."""
    return sorted(Path(job["checkpoint"]["path"]).glob("checkpoints/step-*"))


def bits(job: Job) -> bytes:
    """The parameters of the newest model."""
    return max(Path(job["export"]).glob("*/model.safetensors")).read_bytes()


@pytest.fixture(scope="module")
def known() -> dict[str, bytes]:
    return {}


@pytest.fixture
def undisturbed(job: Job, known: dict[str, bytes]) -> bytes:
    """The bits of the whole job without any damage; computed once."""
    if not known:
        at = {n: job["checkpoint"]["path"] + f"-{n}" for n in ("checkpoint", "export")}
        quiet = job | {"checkpoint": {"path": at["checkpoint"]}, "export": at["export"]}
        yarnml.run(quiet, "inline")
        known["bits"] = bits(quiet)
    return known["bits"]


def events_of(job: Job, **options: Any) -> list[Event]:
    """Run a job and return its events."""
    events: list[Event] = []
    yarnml.run(job, "inline", say=events.append, **options)
    return events


@pytest.mark.long
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_torn_newest_checkpoint_falls_back(job: Job, undisturbed: bytes, damage: str) -> None:
    """Whatever happened to the newest checkpoint, the job says what, goes on from the one before, to the same bits."""
    before, newest = folders(job)
    spoil, why = DAMAGES[damage]
    spoil(newest)
    events = events_of(job)
    (torn,) = [e for e in events if isinstance(e, CheckpointTorn)]
    assert (torn.folder, torn.instead) == (str(newest), int(before.name[5:]))
    assert re.search(why, torn.why), torn.why
    assert [e.step for e in events if isinstance(e, Continued)] == [torn.instead]
    assert bits(job) == undisturbed
    assert [e for e in events_of(job) if isinstance(e, CheckpointTorn)] == []


@pytest.mark.long
def test_the_command_says_it(job: Job, write_job: Any, yarnml_command: Any) -> None:
    """`yarnml run` prints one line about a torn checkpoint: its folder, the file, the step to go on from."""
    before, newest = folders(job)
    (newest / "state.safetensors").unlink()
    done = yarnml_command("run", write_job(job), "--backend", "inline")
    step = int(before.name[5:])
    line = f"torn: {newest}: state.safetensors is missing; step {step} is the newest checkpoint that is whole, "
    assert [shown for shown in done.stdout.splitlines() if shown.startswith(line)], done.stdout
    assert done.returncode == 0


def test_two_torn_checkpoints(job: Job, undisturbed: bytes) -> None:
    """Several torn ones are passed over one by one, each with its reason."""
    job["training"]["epochs"] = 3
    yarnml.run(job, "inline")
    first, second, third = folders(job)
    cut("state.safetensors")(third)
    missing("manifest.json")(second)
    torn = [e for e in events_of(job | {"export": job["export"] + "-again"}) if isinstance(e, CheckpointTorn)]
    assert [(e.folder, e.instead) for e in torn] == [(str(third), int(first.name[5:])), (str(second), torn[0].instead)]
    assert bits(job | {"export": job["export"] + "-again"}) == undisturbed


def test_only_torn_checkpoints(job: Job) -> None:
    """A job without a whole checkpoint is refused with the reason of each and --restart, and nothing is touched."""
    missing("manifest.json")(folders(job)[0])
    cut("state.safetensors")(folders(job)[1])
    files = sorted(Path(job["checkpoint"]["path"]).rglob("*"))
    with pytest.raises(CheckpointError, match=r"is whole \(step \d+: state.* SHA-256 .*; step \d+: manifest.* --rest"):
        yarnml.run(job, "inline")
    assert sorted(Path(job["checkpoint"]["path"]).rglob("*")) == files
    assert yarnml.run(job, "inline", restart=True).epochs == 3


def test_a_torn_checkpoint_hides_no_other_job(job: Job) -> None:
    """The whole one before a torn one is still refused when it belongs to another job."""
    cut("state.safetensors")(folders(job)[1])
    job["training"]["seed"] = 7
    with pytest.raises(CheckpointError, match=r"belongs to another job: training\.seed \(0 → 7\)"):
        yarnml.run(job, "inline")


@pytest.mark.long
def test_a_renamed_folder_falls_back(job: Job, undisturbed: bytes) -> None:
    """A folder with the name of another step is passed over, and the job goes on from the one before."""
    before, newest = folders(job)
    newest.rename(newest.with_name("step-999999999999"))
    events = events_of(job)
    (torn,) = [e for e in events if isinstance(e, CheckpointTorn)]
    assert (torn.folder, torn.instead) == (str(newest.with_name("step-999999999999")), int(before.name[5:]))
    assert torn.why == f"manifest.json is of step {int(newest.name[5:])}, so the folder was renamed"
    assert bits(job) == undisturbed


def test_only_unreadable_checkpoints(job: Job) -> None:
    """A storage that gives none of them may give them again: nobody is advised to begin anew."""
    for folder in folders(job):
        loop("state.safetensors")(folder)
    with pytest.raises(
        CheckpointError, match=r"can be read \(step .* symbolic links.*\); look after the storage"
    ) as error:
        yarnml.run(job, "inline")
    assert "restart" not in str(error.value)


def test_a_whole_manifest_of_another_format(job: Job) -> None:
    """The checkpoint of another yarnml is refused by its format, and not passed over."""
    path = folders(job)[1] / "manifest.json"
    document = json.loads(path.read_text()) | {"format": "yarnml-checkpoint/9"}
    path.write_bytes(integrity.seal(document, "files", "manifest.json"))
    with pytest.raises(CheckpointError, match="has format yarnml-checkpoint/9, this yarnml reads yarnml-checkpoint/1"):
        yarnml.run(job, "inline")


@pytest.mark.long
@pytest.mark.breadth
def test_a_torn_checkpoint_in_a_running_job(job: Job, write_job: Any, tmp_path: Path) -> None:
    """All workers die, and the newest checkpoint turns out torn: the job goes back one more, to the same bits."""
    job["training"] |= {"epochs": 80}
    quiet = job | {"checkpoint": {"path": str(tmp_path / "quiet")}, "export": str(tmp_path / "quiet-models")}
    yarnml.run(quiet, "inline")
    job |= {"checkpoint": {"path": str(tmp_path / "job"), "every": "20 steps"}, "workers": {"count": 2}}
    with running(write_job(job), "--restart") as run:
        wait_for("two checkpoints", lambda: len(saved_steps(tmp_path / "job")) >= 2 and run.children())
        workers = run.children()
        for worker in workers:
            worker.send_signal(signal.SIGSTOP)
        time.sleep(0.5)  # what was written before is committed by then, and nothing new comes
        cut("state.safetensors")(folders(job)[-1])
        before, torn = saved_steps(tmp_path / "job")[-2:]
        for worker in workers:
            worker.kill()
        status, out, err = run.end()
    assert status == 0, err
    assert f"torn: {tmp_path}/job/checkpoints/step-{torn:012d}: state.safetensors has the SHA-256" in out
    assert f"continuing after step {before} " in out
    assert bits(job) == bits(quiet)


def test_errors_stay_in_the_tree(job: Job) -> None:
    """A torn file never leaves yarnml as something else than one of its own errors."""
    for folder in folders(job):
        (folder / "manifest.json").write_bytes(b"\xff\xfe not text")
    with pytest.raises(YarnmlError):
        yarnml.run(job, "inline")
