"""Files and folders appear whole or not at all, on every kind of storage."""

import os
import re
import shutil
import subprocess
import sys
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from yarnml import storage
from yarnml.storage import atomic, local

NAMES = ["plain", "two words", "grüße", "100%25", "a#b", "it's", "a=1,b=2"]
GLOBS = ["[x]", "*", "a?b"]  # fsspec's own move of a file takes these for patterns, so they are for local disks


@pytest.fixture(params=["local", "memory"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty folder of each kind of storage."""
    return str(tmp_path / "folder") if request.param == "local" else f"memory://{uuid.uuid4().hex}"


@pytest.mark.parametrize("name", NAMES)
def test_a_new_file_appears_at_the_end(folder: str, name: str) -> None:
    """Nothing is at the target while the block runs; then the file is there, and nothing else."""
    target = storage.join(folder, name)
    with atomic.create(target) as url:
        storage.write(url, b"all of it")
        assert not storage.exists(target)
    assert storage.read(target) == b"all of it"
    assert storage.names(folder) == [name]


@pytest.mark.parametrize("name", NAMES)
def test_a_new_folder_appears_at_the_end(folder: str, name: str) -> None:
    """A folder comes with all its files by one rename."""
    target = storage.join(folder, name)
    with atomic.create(target) as url:
        for part in ("a", "b"):
            storage.write(storage.join(url, part), part.encode())
        assert storage.names(folder) == [storage.join(url).rpartition("/")[2]]
    assert storage.names(folder) == [name]
    assert storage.names(target) == ["a", "b"]


def test_a_failure_leaves_nothing_of_its_own(folder: str) -> None:
    """A half-written file is removed, and what others write beside it stays."""
    foreign = atomic.hidden(folder, "another writer")
    storage.write(foreign, b"half")
    with pytest.raises(KeyboardInterrupt), atomic.create(storage.join(folder, "new")) as url:  # noqa: PT012
        storage.write(storage.join(url, "a"), b"half")
        raise KeyboardInterrupt
    assert storage.names(folder) == [".tmp-another writer"]


def test_an_existing_target_is_not_touched(folder: str) -> None:
    """The first of two writers counts; the other one is told so, and leaves nothing."""
    target = storage.join(folder, "file")
    storage.write(target, b"first")
    with pytest.raises(FileExistsError), atomic.create(target) as url:
        storage.write(url, b"second")
    assert storage.read(target) == b"first"
    assert storage.names(folder) == ["file"]


def test_a_draft_that_was_renamed_stays(folder: str) -> None:
    """The end of the block removes only what still has the hidden name."""
    with atomic.draft(atomic.hidden(folder, "x")) as url:
        storage.write(storage.join(url, "a"), b"a")
        storage.rename(url, storage.join(folder, "1"))
    assert storage.names(folder) == ["1"]


@pytest.mark.parametrize("name", GLOBS)
def test_a_name_that_looks_like_a_pattern(tmp_path: Path, name: str) -> None:
    """On a local disk a name is only a name."""
    (tmp_path / "x").touch()
    target = f"{tmp_path}/{name}"
    with atomic.create(target) as url:
        storage.write(url, b"new")
    atomic.write(target, b"newer", atomic.hidden(str(tmp_path), name))
    assert storage.read(target) == b"newer"
    assert storage.names(str(tmp_path)) == sorted([name, "x"])


@pytest.mark.parametrize("name", NAMES)
def test_a_file_is_written_over_an_old_one(folder: str, name: str) -> None:
    """After each write the newest file is there alone."""
    target = storage.join(folder, name)
    for data in (b"old", b"new"):
        atomic.write(target, data, atomic.hidden(folder, "beside"))
        assert storage.read(target) == data
        assert storage.names(folder) == [name]


def test_a_write_that_fails_keeps_the_old_file(tmp_path: Path) -> None:
    """The old file stays as it was, and the half of a new one is removed."""
    target = str(tmp_path / "file")
    storage.write(target, b"old")
    (tmp_path / ".tmp-file").mkdir()  # a folder stands where the file is to be written
    with pytest.raises(OSError, match="tmp-file"):
        atomic.write(target, b"new", str(tmp_path / ".tmp-file"))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert storage.read(target) == b"old"


def test_a_folder_takes_the_place_of_an_old_one(folder: str) -> None:
    """No file of the old folder is left."""
    target = storage.join(folder, "step-1")
    for part in ("a", "b"):
        source = atomic.hidden(folder, part)
        storage.write(storage.join(source, part), b"")
        atomic.replace(source, target)
    assert storage.names(target) == ["b"]
    assert storage.names(folder) == ["step-1"]


def test_a_folder_that_can_be_written(folder: str) -> None:
    """The check makes the folder and leaves nothing in it."""
    atomic.check_writable(folder)
    assert storage.names(folder) == []


def test_folders_that_a_check_made(folder: str) -> None:
    """They can be taken back, from the innermost one on, as far as they are empty; those that were there stay."""
    inner = storage.join(folder, "a", "b")
    made = atomic.check_writable(inner)
    assert made[:2] == [inner, storage.join(folder, "a")]
    assert atomic.check_writable(inner) == []
    atomic.withdraw(made[:2])
    assert not storage.exists(storage.join(folder, "a"))
    made = atomic.check_writable(inner)
    storage.write(storage.join(folder, "a", "file"), b"")
    atomic.withdraw(made)
    assert storage.names(storage.join(folder, "a")) == ["file"]


def test_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    """The storage's own error comes out: here a file stands where the folder should be."""
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        atomic.check_writable(str(tmp_path / "file"))


def test_a_probe_follows_no_link(tmp_path: Path) -> None:
    """Whatever lies in a folder under hidden names, a check of it changes nothing; nor do many at once disturb it."""
    (tmp_path / "victim").write_text("mine")
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in (".tmp-probe", ".tmp-probe-0"):
        (folder / name).symlink_to("../victim")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: atomic.check_writable(str(folder)), range(100)))
    assert (tmp_path / "victim").read_text() == "mine"
    assert sorted(path.name for path in folder.iterdir()) == [".tmp-probe", ".tmp-probe-0"]


@pytest.mark.parametrize("kind", ["link", "dangling", "pipe", "file"])
def test_what_is_in_the_way_of_a_file_is_replaced(tmp_path: Path, kind: str) -> None:
    """A file and a log that is written to are new ones: what a link led to stays, and no pipe is waited for."""
    (tmp_path / "victim").write_text("mine")
    for number, act in enumerate((local.write, _log)):
        path = tmp_path / f"{number}"
        {
            "link": lambda path: path.symlink_to(tmp_path / "victim"),
            "dangling": lambda path: path.symlink_to(tmp_path / "nowhere"),
            "pipe": os.mkfifo,
            "file": Path.touch,
        }[kind](path)
        act(str(path), b"new")
        assert path.is_file()
        assert not path.is_symlink()
        assert path.read_bytes() == b"new"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "victim"]
    assert (tmp_path / "victim").read_text() == "mine"


def _log(path: str, data: bytes) -> None:
    with local.fresh(path) as file:
        file.write(data)


def test_of_many_that_create_a_file_one_does(tmp_path: Path) -> None:
    """The others are told that it exists, and the file is the one's that was first."""

    def create(number: int) -> bool:
        try:
            with atomic.create(str(tmp_path / "file")) as url:
                storage.write(url, f"{number}".encode())
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(create, range(40)))
    assert answers.count(True) == 1
    assert (tmp_path / "file").read_text() == f"{answers.index(True)}"
    assert storage.names(str(tmp_path)) == ["file"]


@pytest.mark.skipif(not shutil.which("strace"), reason="only strace sees what is asked of the kernel")
def test_names_reach_the_disk(tmp_path: Path) -> None:
    """After a write and a rename every folder on the way was synced, also one that was just made."""
    traced = subprocess.run(
        [
            *("strace", "-f", "-y", "-e", "trace=fsync,rename,link,linkat", sys.executable, "-c"),
            "import sys; from yarnml import storage as s; f = sys.argv[1]; s.write(f + '/a/b/x', b'1'); "
            "s.rename(f + '/a/b', f + '/c')",
            str(tmp_path),
        ],
        capture_output=True,
        text=True,
    )
    if "Operation not permitted" in traced.stderr:
        pytest.skip("strace may not look here")
    synced = set(re.findall(r"fsync\(\d+<([^>]*)>", traced.stderr))
    assert {str(tmp_path), f"{tmp_path}/a", f"{tmp_path}/a/b"} <= synced
