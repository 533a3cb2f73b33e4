"""Archives on a node: unpacked once for all its containers, wholly or not at all, where nobody else can write."""

import fcntl
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.environments import BASE_PYTHON, Venv, container, silent, start, with_python
from yarnml.clusters.yarn.observe.diagnosis import error_sentence
from yarnml.clusters.yarn.packaging import pack, unpack
from yarnml.clusters.yarn.packaging.archive import Item
from yarnml.clusters.yarn.packaging.provision import provide
from yarnml.job.spec import Job

LARGE = "".join(f"line {n}\n" for n in range(800_000))
READ = 'import sys, zipfile; exec(zipfile.ZipFile(sys.argv[1]).read("unpack.py"))'


def link(folder: Path) -> str:
    """The place of the unpacked files of `archive`, to which a container's working folder has a link."""
    return os.readlink(folder / "abc")


def archive(folder: Path, small_bytes: int = pack.SMALL_BYTES) -> str:
    """An archive in a folder of its own, of a file in three blocks, a program, a module and a made-up text."""
    (folder / "site").mkdir(parents=True)
    (folder / "cache").mkdir(mode=0o755)
    (folder / "site/large.txt").write_text(LARGE)
    (folder / "site/tool").write_text("#!/bin/sh\n")
    (folder / "site/tool").chmod(0o755)
    (folder / "site/mod.py").write_text("n = 1\n")
    items = [Item(f"lib/{name}", str(folder / "site" / name), "") for name in ("large.txt", "tool", "mod.py")]
    with (folder / "cache/abc.zip").open("wb") as out:
        pack.write([*items, Item("lib/own.pth", "", "", "text\n")], out, small_bytes)
    return str(folder / "cache/abc.zip")


@pytest.mark.parametrize("small_bytes", [pack.SMALL_BYTES, 0])
def test_what_was_packed_is_there(tmp_path: Path, small_bytes: int) -> None:
    """By a bare Python: large and empty files, modes and bytecode, from blocks of zlib and of zstandard."""
    packed = archive(tmp_path, small_bytes)
    with zipfile.ZipFile(packed) as file:
        assert any("backend_c" in name for name in file.namelist()) == (small_bytes == 0)
    line = [BASE_PYTHON, "-I", "-S", "-c", READ, packed]
    done = subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=True)
    (said,) = done.stdout.splitlines()
    folder = link(tmp_path)
    assert said.startswith(f"Unpacked {packed} in ")
    assert error_sentence(said) == ""
    assert folder == str(tmp_path / "cache/abc")
    assert Path(folder, "lib/large.txt").read_text() == LARGE
    assert Path(folder, "lib/own.pth").read_text() == "text\n"
    assert os.access(f"{folder}/lib/tool", os.X_OK)
    files = {path.name for path in Path(folder).rglob("*") if path.is_file()}
    assert files == {"large.txt", "tool", "mod.py", f"mod.{sys.implementation.cache_tag}.pyc", "own.pth"}


def test_containers_at_once_unpack_once(tmp_path: Path) -> None:
    """One of three that start together unpacks, in place of what a killed one had left; the others wait for it."""
    packed = archive(tmp_path)
    left = tmp_path / "cache/abc.draft/lib"
    left.mkdir(parents=True)
    (left / "half").write_text("")
    line = [BASE_PYTHON, "-I", "-S", "-c", READ, packed]
    folders = [tmp_path / f"c{number}" for number in range(3)]
    for folder in folders:
        folder.mkdir()
    running = [subprocess.Popen(line, cwd=folder, stdout=subprocess.PIPE, text=True) for folder in folders]
    said = [process.communicate(timeout=60)[0].splitlines() for process in running]
    assert set(map(link, folders)) == {str(tmp_path / "cache/abc")}
    assert sorted(map(len, said)) == [0, 0, 1]
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["abc", "abc.lock", "abc.zip"]
    assert not list(tmp_path.rglob("half"))


def test_who_waits_too_long_unpacks_for_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A container that never finishes keeps no other one from work; the log names why."""
    packed = archive(tmp_path)
    own = str(tmp_path / "own")
    with (tmp_path / "cache/abc.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert unpack.find(packed, [str(tmp_path / "cache")], own, wait_seconds=0.1) == own
    said = capsys.readouterr().out
    assert "another container has been unpacking it for 0 s" in said
    assert error_sentence(said) == ""
    assert Path(own, "lib/large.txt").read_text() == LARGE


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_place_that_others_can_write_is_not_trusted(tmp_path: Path, mode: int) -> None:
    """Neither a folder that is open to others, nor a link, nor one that somebody else owns."""
    packed = archive(tmp_path)
    (tmp_path / "open/abc").mkdir(parents=True)
    (tmp_path / "open").chmod(mode)
    (tmp_path / "link").symlink_to(tmp_path / "cache")
    places = [str(tmp_path / name) for name in ("open", "link", "missing", "cache")]
    if os.geteuid() == 0:
        (tmp_path / "other").mkdir(mode=0o755)
        os.chown(tmp_path / "other", 12345, 12345)
        places.insert(0, str(tmp_path / "other"))
    assert unpack.find(packed, places, "unused") == str(tmp_path / "cache/abc")


def test_a_damaged_archive_is_one_sentence(venv: Venv, job: Job, tmp_path: Path) -> None:
    """A changed byte is found by its block's checksum: status 97, which node, what to do, and nothing left behind."""
    provision = provide(job, str(tmp_path / "home"), silent, venv.python)
    url = Path(provision.resources["environment.zip"].url)
    content = bytearray(url.read_bytes())
    with zipfile.ZipFile(url) as packed:
        content[packed.getinfo("blocks/0").header_offset + 60] ^= 1
    url.write_bytes(content)
    done = start(provision, container(provision, tmp_path / "c"), "", with_python(tmp_path / "bin", BASE_PYTHON))
    assert (done.returncode, done.stdout) == (97, "")
    assert done.stderr == (
        "yarnml: this node (node-7) can't unpack environment.zip: BadZipFile: Bad CRC-32 for file 'blocks/0'; "
        "make room there, or remove that file from ~/.yarnml on the cluster's storage and submit again.\n"
    )
    assert sorted(path.name for path in (tmp_path / "c-cache").iterdir()) == ["environment.lock", "environment.zip"]
