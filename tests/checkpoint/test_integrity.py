"""Files are read as they were written: checkpoints, data and models that were damaged are never taken for whole."""

import json
import os
import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import pytest
from fsspec.implementations.memory import MemoryFile, MemoryFileSystem

import yarnml
from tests.processes import running, saved_steps, wait_for
from yarnml import storage
from yarnml.checkpoint.store import FORMAT, Checkpoints, Manifest, Position, write_state
from yarnml.data import csv
from yarnml.data.base import Dataset
from yarnml.data.dataset import inspect, read_group
from yarnml.data.schema import Schema
from yarnml.errors import CheckpointError, DataError, ExportError, YarnmlError
from yarnml.events.events import CheckpointTorn, Continued, Event
from yarnml.job.spec import Export
from yarnml.model import export
from yarnml.storage.base import Entry
from yarnml.storage.hdfs import Hdfs
from yarnml.storage.tensors import pack

Job = dict[str, Any]
Damage = Callable[[Path], None]


def cut(name: str) -> Damage:
    return lambda folder: os.truncate(folder / name, (folder / name).stat().st_size // 2)


def flipped(name: str) -> Damage:
    """One bit of the file's last byte but one."""

    def damage(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[-2] ^= 1
        (folder / name).write_bytes(data)

    return damage


def missing(name: str) -> Damage:
    return lambda folder: (folder / name).unlink()


def edited(folder: Path) -> None:
    """The manifest stays a good one, of a job that got on otherwise."""
    document = json.loads((folder / "manifest.json").read_text())
    document["position"]["history"][0]["loss"] += 1.0
    (folder / "manifest.json").write_text(json.dumps(document))


DAMAGES = {
    "state cut": (cut("state.safetensors"), r"^state\.safetensors has the SHA-256 \w{12}…, expected \w{12}…$"),
    "state flipped": (flipped("state.safetensors"), r"^state\.safetensors has the SHA-256 \w{12}…, expected \w{12}…$"),
    "state missing": (missing("state.safetensors"), r"^state\.safetensors is missing$"),
    "manifest cut": (cut("manifest.json"), r"^manifest\.json is no document with digests: "),
    "manifest empty": (lambda folder: os.truncate(folder / "manifest.json", 0), r"^manifest\.json is no document"),
    "manifest edited": (edited, r"^manifest\.json has the SHA-256 \w{12}…, expected \w{12}…$"),
    "manifest missing": (missing("manifest.json"), r"^manifest\.json is missing$"),
    "a file": (lambda folder: (shutil.rmtree(folder), folder.write_text("x")), r"^manifest\.json is missing$"),
}


# Checkpoints


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
@pytest.mark.parametrize("name", ["manifest.json", "state.safetensors"])
def test_unreadable_is_not_torn(job: Job, name: str) -> None:
    """A file that the storage does not give is no reason to go back: the job is refused and goes on afterwards."""
    path = folders(job)[1] / name
    path.rename(path.with_suffix(".kept"))
    path.symlink_to(path.name)  # a loop, which nobody may follow, not even root
    events: list[Event] = []
    with pytest.raises(CheckpointError, match=r"checkpoint\.path .* can't be reached: .*symbolic links"):
        yarnml.run(job, "inline", say=events.append)
    assert events == []
    path.with_suffix(".kept").rename(path)
    assert [e.step for e in events_of(job) if isinstance(e, Continued)] == [int(path.parent.name[5:])]


def test_a_manifest_of_another_format_is_not_torn(job: Job) -> None:
    """The checkpoint of another yarnml is refused by its format, and not passed over."""
    path = folders(job)[1] / "manifest.json"
    path.write_text(path.read_text().replace(FORMAT, "yarnml-checkpoint/9"))
    with pytest.raises(CheckpointError, match="has format yarnml-checkpoint/9, this yarnml reads yarnml-checkpoint/1"):
        yarnml.run(job, "inline")


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


@pytest.mark.long
def test_a_torn_checkpoint_in_a_running_job(job: Job, write_job: Any, tmp_path: Path) -> None:
    """All workers die, and the newest checkpoint turns out torn: the job goes back one more, to the same bits."""
    job["training"] |= {"epochs": 200}
    quiet = job | {"checkpoint": {"path": str(tmp_path / "quiet")}, "export": str(tmp_path / "quiet-models")}
    yarnml.run(quiet, "inline")
    job |= {"checkpoint": {"path": str(tmp_path / "job"), "every": "50 steps"}, "workers": {"count": 2}}
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


# Data


@pytest.fixture(params=["parquet", "csv"])
def rows(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of several groups."""
    monkeypatch.setattr(csv, "GROUP_BYTES", 500)
    table = pa.table({"a": np.arange(300), "b": np.arange(300) / 7, "c": [str(i) for i in range(300)]})
    path = tmp_path / f"rows.{request.param}"
    if request.param == "csv":
        pc.write_csv(table, path)
    else:
        pq.write_table(table, path, row_group_size=60, write_page_checksum=True)
    return path


def look(path: Path) -> tuple[Dataset, pa.Schema]:
    return inspect(str(path), "auto", "data.train")


def test_a_changed_file_is_never_read(rows: Path) -> None:
    """A bit that flips after the plan was made, wherever it is, is an error that names the file; or no row changes."""
    dataset, columns = look(rows)
    assert len(dataset.files[0].groups) > 3
    groups = range(len(dataset.files[0].groups))
    whole = rows.read_bytes()
    random = np.random.default_rng(0)
    good = [read_group(dataset, 0, group, columns) for group in groups]
    refused = set()
    for at in random.integers(0, len(whole), 150):
        spoilt = bytearray(whole)
        spoilt[at] ^= 1 << int(random.integers(8))
        rows.write_bytes(spoilt)
        for group in groups:
            try:
                assert read_group(dataset, 0, group, columns) == good[group]
            except DataError as exc:
                refused.add(str(exc))
    assert refused
    assert all(rows.name in text and "\n" not in text for text in refused)


@pytest.mark.parametrize("rows", ["csv"], indirect=True)
def test_every_byte_of_a_csv_file_counts(rows: Path) -> None:
    """Another digit, or other names of the columns, are seen in the groups that they touch, and only there."""
    dataset, columns = look(rows)
    groups = dataset.files[0].groups
    whole = rows.read_bytes()
    for old, new, touched in ((b"\n299,", b"\n298,", [len(groups) - 1]), (b'"a","b"', b'"b","a"', range(len(groups)))):
        rows.write_bytes(whole.replace(old, new))
        assert rows.read_bytes() != whole
        for group in range(len(groups)):
            if group in touched:
                with pytest.raises(DataError, match=r"rows\.csv has changed since the job began: its header, or the"):
                    read_group(dataset, 0, group, columns)
            else:
                assert read_group(dataset, 0, group, columns).num_rows == groups[group].rows


@pytest.mark.parametrize("rows", ["parquet"], indirect=True)
def test_another_parquet_file(rows: Path) -> None:
    """A file with the same number of rows and other values in the place of the planned one is seen by its footer."""
    dataset, columns = look(rows)
    pq.write_table(pa.table({"a": np.arange(300) + 1, "b": np.zeros(300), "c": ["x"] * 300}), rows, row_group_size=60)
    with pytest.raises(DataError, match=r"has changed since the job began: it had \d+ bytes and a footer with the SHA"):
        read_group(dataset, 0, 2, columns)


@pytest.mark.parametrize("columns", [1, 2000])
def test_a_footer_of_any_length(tmp_path: Path, columns: int) -> None:
    """The footer is found and checked whether it is smaller or larger than what one read gets."""
    path = tmp_path / "wide.parquet"
    pq.write_table(pa.table({f"c{i}": [1.0, 2.0] for i in range(columns)}), path)
    dataset, stored = look(path)
    assert read_group(dataset, 0, 0, stored).num_columns == columns


def test_a_small_digest_for_a_group(rows: Path) -> None:
    """A plan grows by at most ten bytes a group, so that datasets of thousands of files travel in one message."""
    group = look(rows)[0].files[0].groups[0]
    without = msgspec.structs.replace(group, digest=b"")
    assert len(msgspec.msgpack.encode(group)) - len(msgspec.msgpack.encode(without)) <= 10


def test_the_examples_carry_page_checksums(digits: Path, tmp_path: Path) -> None:
    """A flipped bit in the pages of our own data is an error that names the row group."""
    path = Path(shutil.copy(next((digits / "train").glob("*.parquet")), tmp_path))
    dataset, columns = look(path)
    group = dataset.files[0].groups[0]
    data = bytearray(path.read_bytes())
    data[group.start + group.size // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"Row group 0 of .* can't be read: .*CRC"):
        read_group(dataset, 0, 0, columns)


# Models


@pytest.fixture
def model(job: Job) -> Path:
    return Path(job["export"]) / "1"


def test_a_description_that_was_edited(model: Path) -> None:
    """model.json has a digest too: with classes in another order it is refused, and not believed."""
    path = model / "model.json"
    document = json.loads(path.read_text())
    path.write_text(json.dumps(document))
    assert yarnml.load_model(model).about == document
    document["schema"]["classes"].reverse()
    path.write_text(json.dumps(document))
    with pytest.raises(
        ExportError, match=r"models/1 is torn: model\.json has the SHA-256 \w+…, expected \w+…; take it"
    ):
        yarnml.load_model(model)


@pytest.mark.parametrize("name", ["model.safetensors", "model.stablehlo", "model.json"])
def test_a_model_that_is_stored_otherwise_gets_no_version(model: Path, name: str) -> None:
    """A model that is not stored as the worker wrote it is never shown as a version."""
    written = Path(shutil.copytree(model, model.parent / ".tmp-new"))
    cut(name)(written)
    with pytest.raises(ExportError, match=name):
        export.commit(Export(path=str(model.parent)), str(written))
    assert export.versions(str(model.parent)) == [1]


# Storage


class ShortFile(MemoryFile):  # type: ignore[misc]
    """Forgets the last byte."""

    def write(self, data: bytes) -> int:
        return int(super().write(data[:-1])) + 1


class Short(MemoryFileSystem):  # type: ignore[misc]
    """A storage that writes short and says nothing."""

    protocol = "short"
    store: dict[str, Any] = {}  # noqa: RUF012

    def _open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        if mode != "wb":
            return super()._open(path, mode, **options)
        self.store[path] = ShortFile(self, path)
        return self.store[path]


def test_a_storage_that_writes_short() -> None:
    """A write fails where fewer bytes are stored than were written."""
    fsspec.register_implementation("short", Short, clobber=True)
    with pytest.raises(OSError, match=r"short://x/y holds 3 of the 4 bytes that were written"):
        storage.write("short://x/y", b"1234")


class Forgetful:
    """An HDFS in memory, as far as a write goes; its first file loses half of its bytes."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.created = 0

    def info(self, path: str) -> Entry:
        return Entry(path, len(self.files[path]), folder=False)

    def makedirs(self, path: str) -> None:
        pass

    def remove(self, path: str) -> None:
        self.files.pop(path, None)

    def rename(self, old: str, new: str, *, replace: bool) -> None:
        self.files[new] = self.files.pop(old)

    def create(self, path: str) -> "Forgetful._Sink":
        self.created += 1
        return Forgetful._Sink(self, path)

    class _Sink:
        def __init__(self, store: "Forgetful", path: str) -> None:
            self._store = store
            self._path = path
            self._data = b""

        def write(self, data: memoryview) -> None:
            self._data += bytes(data)

        def close(self) -> None:
            self._store.files[self._path] = self._data if self._store.created > 1 else self._data[::2]


def test_hdfs_that_writes_short_is_written_again() -> None:
    """A file that arrives short on HDFS is never shown, and is written anew."""
    store = Forgetful()
    hdfs = Hdfs("hdfs://here", ["here:1"], lambda number: store)  # type: ignore[arg-type, return-value]
    hdfs.replace("/a/b", b"12345678")
    assert store.files == {"/a/b": b"12345678"}
    assert store.created == 2


def test_a_digest_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The digest of a file does not depend on the parts in which it is read."""
    (tmp_path / "x").write_bytes(bytes(range(256)) * 100)
    digests = set()
    for chunk in (7, 25_600, 10**6):
        monkeypatch.setattr("yarnml.storage.files.CHUNK", chunk)
        digests.add(storage.digest(str(tmp_path / "x")))
    assert len(digests) == 1


def test_errors_stay_in_the_tree(job: Job) -> None:
    """A torn file never leaves yarnml as something else than one of its own errors."""
    for folder in folders(job):
        (folder / "manifest.json").write_bytes(b"\xff\xfe not text")
    with pytest.raises(YarnmlError):
        yarnml.run(job, "inline")
