"""Files by URL: found, written beside, renamed, on a local disk and on another filesystem alike."""

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from yarnml import storage


@pytest.fixture(params=["local", "file", "memory"])
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty folder by its path, by file:// and on fsspec's memory filesystem."""
    if request.param == "memory":
        fsspec.filesystem("memory").store.clear()
        yield "memory://work/room"
        fsspec.filesystem("memory").store.clear()
    else:
        yield str(tmp_path) if request.param == "local" else f"file://{tmp_path}"


def fill(root: str, *names: str) -> None:
    for name in names:
        storage.write(f"{root}/{name}", name.encode())


def found(root: str, pattern: str) -> list[str]:
    """What `find` finds, read back by its URLs: a URL that names another file than it should is seen."""
    return [storage.read(url).decode() for url in storage.find(f"{root}{pattern}")]


def test_find(root: str) -> None:
    """A file is itself; a folder is all files below it, sorted; a glob is what matches; nothing is nothing."""
    fill(root, "b.csv", "a.csv", "in/c.csv", "in/d.txt")
    assert storage.find(f"{root}/a.csv") == [f"{root}/a.csv"]
    assert found(root, "") == found(root, "/") == ["a.csv", "b.csv", "in/c.csv", "in/d.txt"]
    assert found(root, "/in") == found(root, "/in/") == ["in/c.csv", "in/d.txt"]
    assert found(root, "/*.csv") == ["a.csv", "b.csv"]
    assert found(root, "/**/*.csv") == ["a.csv", "b.csv", "in/c.csv"]
    assert found(root, "/i?/[a-c].csv") == ["in/c.csv"]
    assert found(root, "/nothing") == found(root, "/*.parquet") == []


def test_hidden_files(root: str) -> None:
    """What Hadoop and Spark hide (a leading _ or .) is no data, unless the path itself leads there."""
    fill(root, "a.csv", "_SUCCESS", ".a.csv.crc", "_temporary/0/b.csv", ".hive/c.csv", "_in/d.csv")
    assert found(root, "") == found(root, "/*") == ["a.csv"]
    assert found(root, "/*/*.csv") == []
    assert found(root, "/_in") == found(root, "/_in/*.csv") == ["_in/d.csv"]


def test_a_name_with_brackets(root: str) -> None:
    """A file that exists is found by its name, even where the name would be a pattern."""
    fill(root, "part[0].csv")
    assert found(root, "/part[0].csv") == ["part[0].csv"]


def test_write_read_names(root: str) -> None:
    """A file is written with its folders and read back whole; the names in a folder are sorted."""
    fill(root, "x/b", "x/a")
    assert storage.read(f"{root}/x/a") == b"x/a"
    assert storage.size(f"{root}/x/a") == 3
    assert storage.names(f"{root}/x") == ["a", "b"]
    assert storage.names(f"{root}/x/a/none") == storage.names(f"{root}/none") == []


def test_rename(root: str) -> None:
    """A folder moves with all that is in it, and never onto another."""
    fill(root, "new/model", "old/model")
    with pytest.raises(FileExistsError, match="old exists"):
        storage.rename(f"{root}/new", f"{root}/old")
    storage.rename(f"{root}/new", f"{root}/1")
    assert storage.read(f"{root}/1/model") == b"new/model"
    assert not storage.exists(f"{root}/new")


def test_remove(root: str) -> None:
    """Files and whole folders go; what is not there does not matter."""
    fill(root, "x/a", "y")
    for name in ("x", "y", "z"):
        storage.remove(f"{root}/{name}")
        assert not storage.exists(f"{root}/{name}")


def test_unknown_protocol() -> None:
    """A protocol that fsspec does not know is a ValueError that names it."""
    with pytest.raises(ValueError, match="'foo'"):
        storage.absolute("foo://x", Path("/"))
    with pytest.raises(ValueError, match="foo"):
        storage.exists("foo://x")


def test_chained_protocols() -> None:
    """fsspec's chained URLs pass when every protocol in them is known."""
    assert storage.absolute("simplecache::memory://x", Path("/")) == "simplecache::memory://x"
    with pytest.raises(ValueError, match="foo"):
        storage.absolute("simplecache::foo://x", Path("/"))


def test_home_of_nobody() -> None:
    """A ~name without a home is a plain name, not a crash."""
    assert storage.absolute("~nobody-has-this-name/x", Path("/here")) == "/here/~nobody-has-this-name/x"
