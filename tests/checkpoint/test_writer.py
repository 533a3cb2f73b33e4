"""Checkpoints that are written while the training goes on."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

import yarnml
from tests.processes import running, saved_steps, wait_for
from yarnml.checkpoint.manifest import FORMAT, Manifest, Position
from yarnml.checkpoint.pending import PendingCheckpoint
from yarnml.checkpoint.state_files import write_state
from yarnml.checkpoint.store import Checkpoints
from yarnml.checkpoint.writer import CheckpointWriter
from yarnml.control.reports import Saved
from yarnml.data.schema import Schema
from yarnml.errors import CheckpointError
from yarnml.storage.tensors import _TYPES, pack, unpack

Job = dict[str, Any]

HELD = """
import os, time
from fsspec.implementations.local import LocalFileSystem

class Held(LocalFileSystem):
    protocol = "held"

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(str(path).removeprefix("held://"))

    def open(self, path, mode="rb", **options):
        if "w" in mode and path.endswith("state.safetensors"):
            open(os.environ["HELD"] + ".asked", "a").close()
            while not os.path.exists(os.environ["HELD"]):
                time.sleep(0.01)
        return super().open(path, mode, **options)
"""


@pytest.fixture
def let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """held:// is the local disk, but no state is written before this file is there."""
    package = tmp_path / "held"
    (package / "held-1.dist-info").mkdir(parents=True)
    (package / "held.py").write_text(HELD)
    (package / "held-1.dist-info" / "METADATA").write_text("Name: held\nVersion: 1\n")
    (package / "held-1.dist-info" / "entry_points.txt").write_text("[fsspec.specs]\nheld = held.Held\n")
    monkeypatch.setenv("PYTHONPATH", str(package), prepend=os.pathsep)
    monkeypatch.setenv("HELD", str(tmp_path / "go"))
    return tmp_path / "go"


def model(job: Job) -> bytes:
    return (Path(job["export"]) / "1" / "model.safetensors").read_bytes()


def undisturbed(job: Job, folder: Path) -> bytes:
    """The bits of the job's model when nothing happens to it."""
    quiet = job | {"checkpoint": {"path": str(folder / "quiet")}, "export": str(folder / "quiet-models")}
    yarnml.run(quiet, "inline")
    return model(quiet)


@pytest.mark.long
def test_training_goes_on_while_a_checkpoint_is_written(
    digits_job: Job, write_job: Callable[[Job], Path], let_go: Path, tmp_path: Path
) -> None:
    """Rounds are trained while a state goes to a slow storage; it counts once it is there, to the same bits."""
    job = digits_job | {"training": {"epochs": 12, "batch_size": 256}, "workers": {"count": 2}}
    bits = undisturbed(job, tmp_path)
    job["checkpoint"] = {"path": f"held://{tmp_path}/job", "every": "5 epochs", "keep": 5}
    with running(write_job(job)) as run:
        wait_for("a state to write", Path(f"{let_go}.asked").exists)
        wait_for("three more epochs", lambda: "epoch 8/" in run.printed())
        assert saved_steps(tmp_path / "job") == []
        let_go.touch()
        status, _, err = run.end()
    assert status == 0, err
    steps = saved_steps(tmp_path / "job")
    assert len(steps) == 3
    assert steps[1] == 2 * steps[0]
    assert model(job) == bits


@pytest.mark.long
@pytest.mark.breadth
def test_a_loss_while_a_checkpoint_is_written(
    digits_job: Job, write_job: Callable[[Job], Path], let_go: Path, tmp_path: Path
) -> None:
    """Whoever was writing is killed: the others train on, later checkpoints count, and nothing half-written is left."""
    job = digits_job | {"training": {"epochs": 40, "batch_size": 256}, "workers": {"count": 2}}
    bits = undisturbed(job, tmp_path)
    job["checkpoint"] = {"path": f"held://{tmp_path}/job", "every": "10 epochs", "keep": 5}
    with running(write_job(job)) as run:
        wait_for("a state to write", Path(f"{let_go}.asked").exists)
        run.children()[0].kill()
        let_go.touch()
        status, _, err = run.end()
    assert status == 0, err
    assert {name for name in os.listdir(tmp_path / "job" / "checkpoints") if not name.startswith("step-")} == set()
    assert len(saved_steps(tmp_path / "job")) in (3, 4)
    assert model(job) == bits


@pytest.mark.breadth
@pytest.mark.long
def test_a_state_that_can_not_be_written_ends_the_job(
    digits_job: Job, write_job: Callable[[Job], Path], let_go: Path, tmp_path: Path
) -> None:
    """A failure beside the training is told by the worker at its next step, and ends the job in one sentence."""
    job = digits_job | {"training": {"epochs": 100_000, "batch_size": 256}, "workers": {"count": 1}}
    job["checkpoint"] = {"path": f"held://{tmp_path}/job"}
    with running(write_job(job)) as run:
        wait_for("a state to write", Path(f"{let_go}.asked").exists)
        shutil.rmtree(tmp_path / "job" / "checkpoints")
        let_go.touch()
        status, _, err = run.end()
    assert status != 0
    assert "The state can't be written to held://" in err


def test_a_packed_state_is_the_library_s_file() -> None:
    """Byte for byte, for all types, empty and single numbers, strange names, and arrays that are not contiguous."""
    random = np.random.default_rng(0)
    arrays = {f"of {name}": (random.random((2, 3)) * 9).astype(name) for name in _TYPES}
    arrays |= {"": np.zeros((2, 0), np.float32), 'a/"é\n\x01': np.array(3.0, np.float32), "t": np.eye(3, 4).T}
    assert bytes(pack(arrays)) == safetensors.numpy.save({n: np.asarray(a, order="C") for n, a in arrays.items()})
    assert bytes(pack({})) == safetensors.numpy.save({})
    for name, array in unpack(bytes(pack(arrays))).items():
        np.testing.assert_array_equal(array, arrays[name])


def test_what_is_written_is_told_in_order(tmp_path: Path) -> None:
    """One file at a time; each that is whole is told, and what can't be written is raised once, by who asks next."""
    notices: list[Saved] = []
    writing = CheckpointWriter(notices.append)
    assert writing.finish() is None
    for name in ("a", "b"):
        writing.begin(str(tmp_path / name), pack({"w": np.zeros(3)}))
    last = writing.finish()
    assert [Path(saved.folder).name for saved in notices] == ["a", "b"]
    assert last == notices[-1]
    (tmp_path / "c").write_text("a file, not a folder")
    writing.begin(str(tmp_path / "c"), b"")
    with pytest.raises(CheckpointError, match="can't be written"):
        writing.finish()
    writing.check()
    assert writing.finish() is None
    writing.begin(str(tmp_path / "c"), b"")
    writing.drop()
    writing.check()
    assert len(notices) == 2


def test_only_what_was_asked_for_last_is_committed(tmp_path: Path) -> None:
    """A state that was dropped, or belongs to another save, becomes no checkpoint, however late it is told."""
    checkpoints = Checkpoints(str(tmp_path), 3)
    saves = PendingCheckpoint(checkpoints, None, lambda event: None)

    def begun(step: int) -> Saved:
        folder = saves.begin(Manifest(FORMAT, {}, Schema((), "y", "number"), 1, Position(step, []), {}), None)
        return Saved(folder, write_state(folder, pack({"w": np.full(3, float(step))})))

    dropped = begun(10)
    saves.drop()
    assert not saves.pending
    again = begun(10)
    saves.written(dropped)
    assert saved_steps(tmp_path) == []
    saves.written(again)
    assert (saved_steps(tmp_path), saves.pending) == ([10], False)
    saves.written(again)
    assert saves.newest is not None
    assert saves.newest.files == again.files
