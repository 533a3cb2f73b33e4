"""Damaged checkpoints: the job goes on from one that is whole, to its very bits, or is refused in one sentence."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.mutations import damage, damages, edited, edits, fresh, tree
from yarnml.checkpoint.lease import Lease
from yarnml.checkpoint.manifest import FORMAT, Manifest, Position
from yarnml.checkpoint.state_files import read_state, write_state
from yarnml.checkpoint.store import Checkpoints
from yarnml.data.schema import Feature, Schema
from yarnml.errors import YarnmlError
from yarnml.events.events import CheckpointTorn, Event
from yarnml.job import paths
from yarnml.storage.tensors import pack

STEPS = (10, 20, 30)
NAMES = ["manifest.json", "state.safetensors"]
FOREIGN = {"notes.txt": b"of mine", "checkpoints/model.pt": b"of mine", "checkpoints/.tmp-mine": b"of mine"}


def state(step: int) -> dict[str, np.ndarray]:
    return {"w": np.arange(50, dtype=np.float32) * step, "count": np.array([step], np.int64)}


def commit(checkpoints: Checkpoints, step: int) -> None:
    schema = Schema((Feature("x", 1),), "y", "class", (0, 1))
    folder = checkpoints.temporary(step)
    files = write_state(folder, pack(state(step)))
    position = Position(step, [{"loss": 1.0 / step}])
    checkpoints.commit(Manifest(FORMAT, {"learner.kind": "softmax"}, schema, 2, position, files), folder, None)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A job's folder with three checkpoints, and files of somebody else."""
    folder = tmp_path_factory.mktemp("whole")
    checkpoints = Checkpoints(str(folder), 3)
    for step in STEPS:
        commit(checkpoints, step)
    for name, content in FOREIGN.items():
        (folder / name).write_bytes(content)
    return folder


def go_on(folder: Path) -> tuple[int | None, list[Event]]:
    """The step to go on from, None where the job is refused; the state is that of the step, to the bit."""
    before = tree(folder)
    events: list[Event] = []
    try:
        manifest = Checkpoints(str(folder), 3).newest(events.append)
        assert manifest is not None
    except YarnmlError:
        return None, events
    finally:
        assert tree(folder) == before
    step = manifest.position.step
    stored = read_state(paths.checkpoint(str(folder), step))
    assert {name: array.tobytes() for name, array in stored.items()} == {
        name: array.tobytes() for name, array in state(step).items()
    }
    return step, events


def check_what_stays(folder: Path) -> None:
    """A restart, and a commit after it, leave what is not yarnml's."""
    checkpoints = Checkpoints(str(folder), 3)
    checkpoints.clear()
    for step in STEPS:
        commit(checkpoints, step)
    manifest = Checkpoints(str(folder), 3).newest(lambda event: None)
    assert manifest is not None
    assert manifest.position.step == STEPS[-1]
    assert {name: (folder / name).read_bytes() for name in FOREIGN} == FOREIGN


@settings(settings.get_profile("fuzz"))
@given(st.data())
def test_damaged_files(whole: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Damage to some checkpoints leads to the newest of the others, and each that is passed over is told."""
    folder = fresh(whole, tmp_path_factory.getbasetemp() / "damaged")
    spoilt = data.draw(st.lists(st.sampled_from(STEPS), min_size=1, max_size=3, unique=True))
    for step in spoilt:
        for one in data.draw(st.lists(damages(NAMES), min_size=1, max_size=3)):
            damage(Path(paths.checkpoint(str(folder), step)), *one)
    step, events = go_on(folder)
    healthy = [step for step in STEPS if step not in spoilt]
    assert step is not None or not healthy
    if step is not None:  # damage to the white space of a manifest is none
        assert step >= max(healthy, default=0)
        assert [e for e in events if isinstance(e, CheckpointTorn)] == events
        assert len(events) == len([s for s in STEPS if s > step])
    check_what_stays(folder)


@settings(settings.get_profile("fuzz"))
@given(st.data())
def test_damaged_folders(whole: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Folders that are renamed, copied, exchanged or filled with something else are no other step's checkpoint."""
    folder = fresh(whole, tmp_path_factory.getbasetemp() / "moved")
    checkpoints = folder / "checkpoints"
    names = [f"step-{step:012d}" for step in (*STEPS, 5, 25, 999_999_999_999)] + ["step-30", ".tmp-step-9-0123abcd"]
    for old, new in data.draw(st.lists(st.tuples(st.sampled_from(names), st.sampled_from(names)), max_size=4)):
        if (checkpoints / old).is_dir() and not (checkpoints / new).exists():
            (checkpoints / old).rename(checkpoints / new)
        elif not (checkpoints / new).exists():
            data.draw(st.sampled_from([Path.mkdir, Path.touch]))(checkpoints / new)
    go_on(folder)
    check_what_stays(folder)


@settings(settings.get_profile("fuzz"))
@given(changes=st.lists(edits(), min_size=1, max_size=4))
def test_documents_of_strangers(
    whole: Path, tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[int, object]]
) -> None:
    """A manifest with other values and right digests is believed, passed over, or refused in a sentence."""
    folder = fresh(whole, tmp_path_factory.getbasetemp() / "strange")
    edited(Path(paths.checkpoint(str(folder), 30)) / "manifest.json", "files", changes)
    step, _ = go_on(folder)
    assert step in (None, 20, 30)


@settings(settings.get_profile("fuzz"))
@given(content=st.one_of(st.binary(max_size=200), st.sampled_from([b"{}", b"[]", b'{"nonce": 1}', b'{"nonce": "a"}'])))
def test_damaged_leases(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    """A lease that can't be read stops nobody."""
    folder = tmp_path_factory.getbasetemp() / "lease"
    folder.mkdir(exist_ok=True)
    (folder / paths.LEASE).write_bytes(content)
    lease = Lease(str(folder))
    with lease.held():
        lease.confirm()
    assert not list(folder.iterdir())
