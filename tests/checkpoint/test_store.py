"""The store of checkpoints counts whole ones, and commits what is stored as it was written."""

from pathlib import Path

import numpy as np
import pytest

from tests.damage import cut, missing
from tests.processes import saved_steps
from yarnml.checkpoint.manifest import FORMAT, Manifest, Position, layer_of
from yarnml.checkpoint.state_files import write_state
from yarnml.checkpoint.store import Checkpoints
from yarnml.data.schema import Schema
from yarnml.errors import CheckpointError
from yarnml.events.events import CheckpointTorn, Event
from yarnml.storage.tensors import pack


def committed(folder: Path, *steps: int, keep: int = 2, into: Checkpoints | None = None) -> Checkpoints:
    """Checkpoints of these steps, by hand."""
    checkpoints = into or Checkpoints(str(folder), keep)
    schema = Schema((), "y", "number")
    for step in steps:
        folder = checkpoints.temporary(step)
        files = write_state(folder, pack({"w": np.full(100, float(step))}))
        checkpoints.commit(Manifest(FORMAT, {}, schema, 1, Position(step, []), files), folder, None)
    return checkpoints


def test_a_torn_checkpoint_is_not_counted(tmp_path: Path) -> None:
    """`keep` counts whole checkpoints: a torn one pushes no whole one out, and goes when the next one is there."""
    committed(tmp_path, 10, 20, 30)
    checkpoints = Checkpoints(str(tmp_path), 2)
    cut("state.safetensors")(Path(checkpoints.folder(30)))
    events: list[Event] = []
    newest = checkpoints.newest(events.append)
    assert newest is not None
    assert newest.position.step == checkpoints.newest_step() == 20
    assert len(events) == 1
    assert saved_steps(tmp_path) == [20, 30]
    committed(tmp_path, 45, into=checkpoints)
    assert saved_steps(tmp_path) == [20, 45]


def test_a_torn_checkpoint_is_written_anew(tmp_path: Path) -> None:
    """The step of a torn checkpoint, reached again, takes its place and counts."""
    committed(tmp_path, 10, 20)
    checkpoints = Checkpoints(str(tmp_path), 2)
    missing("manifest.json")(Path(checkpoints.folder(20)))
    checkpoints.newest(lambda event: None)
    committed(tmp_path, 20, 30, into=checkpoints)
    assert saved_steps(tmp_path) == [20, 30]


def test_what_is_stored_otherwise_is_not_committed(tmp_path: Path) -> None:
    """A state that is not stored as it was written becomes no checkpoint, and the ones before stay."""
    checkpoints = committed(tmp_path, 10, keep=1)
    folder = checkpoints.temporary(20)
    files = write_state(folder, pack({"w": np.zeros(100)}))
    cut("state.safetensors")(Path(folder))
    with pytest.raises(CheckpointError, match=r"step 20 can't be written .*state\.safetensors has the SHA-256"):
        checkpoints.commit(Manifest(FORMAT, {}, Schema((), "y", "number"), 1, Position(20, []), files), folder, None)
    assert saved_steps(tmp_path) == [10]


def test_checkpoints_that_build_on_others(tmp_path: Path) -> None:
    """Those that a kept one needs stay beside the newest; where one of them is torn, an older one is taken."""
    checkpoints = Checkpoints(str(tmp_path), 2)
    events: list[Event] = []
    for step, full in ((10, True), (20, True), (30, False), (40, False), (50, False)):
        newest = checkpoints.newest(events.append)
        layers = [] if full or newest is None else [*newest.layers, layer_of(newest)]
        folder = checkpoints.temporary(step)
        files = write_state(folder, pack({"w": np.full(100, float(step))}))
        schema = Schema((), "y", "number")
        checkpoints.commit(
            Manifest(FORMAT, {}, schema, 1, Position(step, []), files, layers=layers),
            folder,
            10 if step == 50 else None,
        )
    assert saved_steps(tmp_path) == [20, 30, 40, 50]
    checkpoints = Checkpoints(str(tmp_path), 2)
    cut("state.safetensors")(Path(checkpoints.folder(30)))
    newest = checkpoints.newest(events.append)
    assert newest is not None
    assert newest.position.step == 20
    whys = [event.why for event in events if isinstance(event, CheckpointTorn)]
    assert len(whys) == 3
    assert all("it has what changed since step 30, where state.safetensors has the SHA-256" in why for why in whys[:2])
