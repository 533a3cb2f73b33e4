"""Files by URL: found, written beside, renamed, on a local disk, on HDFS and on another filesystem alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hadoop import Hadoop
from yarnml import storage

NAMES = ("a b", "50%25", "a#b", "a&b=c+d", "ä€", "{a}")


ON_HDFS = [pytest.param(kind, marks=pytest.mark.cluster("yarn")) for kind in ("hdfs", "hdfs-default", "webhdfs")]


@pytest.fixture(params=["local", "file", "memory", *ON_HDFS])
def root(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An empty folder by its path, by file://, on fsspec's memory filesystem, and on HDFS by each kind of URL."""
    if "hdfs" in request.param:
        cluster: Hadoop = request.getfixturevalue("hadoop")
        for name, value in cluster.environment.items():
            monkeypatch.setenv(name, value)
        host = {"hdfs": cluster.hdfs, "hdfs-default": "hdfs://", "webhdfs": cluster.hdfs_web.replace("http", "webhdfs")}
        yield f"{host[request.param]}/tmp/room-{request.param}"
        storage.remove(f"{cluster.hdfs}/tmp/room-{request.param}")
    elif request.param == "memory":
        yield "memory://work/room"
        storage.remove("memory://work")
    else:
        yield str(tmp_path) if request.param == "local" else f"file://{tmp_path}"


def fill(root: str, *names: str) -> None:
    for name in names:
        storage.write(f"{root}/{name}", name.encode())


def contents(root: str, pattern: str) -> list[str]:
    """The contents of the files that `find` finds, read by the URLs that it gives: a wrong URL is seen."""
    return [storage.read(url).decode() for url in storage.find(f"{root}{pattern}")]


def test_find(root: str) -> None:
    """A file is itself; a folder is all files below it, sorted; a glob is what matches; nothing is nothing."""
    fill(root, "b.csv", "a.csv", "in/c.csv", "in/d.txt")
    assert storage.find(f"{root}/a.csv") == [f"{root}/a.csv"]
    assert contents(root, "") == contents(root, "/") == ["a.csv", "b.csv", "in/c.csv", "in/d.txt"]
    assert contents(root, "/in") == contents(root, "/in/") == ["in/c.csv", "in/d.txt"]
    assert contents(root, "/*.csv") == ["a.csv", "b.csv"]
    assert contents(root, "/**/*.csv") == ["a.csv", "b.csv", "in/c.csv"]
    assert contents(root, "/i?/[a-c].csv") == ["in/c.csv"]
    assert contents(root, "/nothing") == contents(root, "/*.parquet") == []


def test_the_current_folder_is_no_part_of_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A URL finds the same files wherever the command was called."""
    (tmp_path / "a.csv").write_text("x")
    expected = [f"file://{tmp_path}/a.csv"]
    for folder in (tmp_path, tmp_path.parent, Path("/")):
        monkeypatch.chdir(folder)
        assert storage.find(f"file://{tmp_path}") == storage.find(f"file://{tmp_path}/*.csv") == expected


def test_hidden_files(root: str) -> None:
    """Names that Hadoop and Spark hide (a leading _ or .) are no data, unless the path itself leads there."""
    fill(root, "a.csv", "_SUCCESS", ".a.csv.crc", "_temporary/0/b.csv", ".hive/c.csv", "_in/d.csv")
    assert contents(root, "") == contents(root, "/*") == ["a.csv"]
    assert contents(root, "/*/*.csv") == []
    assert contents(root, "/_in") == contents(root, "/_in/*.csv") == ["_in/d.csv"]


def test_a_name_with_brackets(root: str) -> None:
    """A file that exists is found by its name, even where the name would be a pattern."""
    fill(root, "part[0].csv")
    assert contents(root, "/part[0].csv") == ["part[0].csv"]


def test_write_read_names(root: str) -> None:
    """A file is written with its folders and read back whole; the names in a folder are sorted."""
    fill(root, "x/b", "x/a")
    assert storage.read(f"{root}/x/a") == b"x/a"
    assert storage.size(f"{root}/x/a") == 3
    assert storage.names(f"{root}/x") == ["a", "b"]
    assert storage.names(f"{root}/x/a/none") == storage.names(f"{root}/none") == []


def test_write_again(root: str) -> None:
    """A file is replaced as a whole, by a shorter one too, and nothing else is left beside it."""
    for data in (b"long" * 1000, b"short", b""):
        storage.write(f"{root}/x", data)
        assert storage.read(f"{root}/x") == data
    assert storage.names(root) == ["x"]


def test_odd_names(root: str) -> None:
    """Names with spaces, signs and letters of all kinds name the same file to every operation."""
    fill(root, *NAMES)
    assert contents(root, "") == sorted(NAMES)
    assert storage.names(root) == sorted(NAMES)
    for name in NAMES:
        assert storage.read(f"{root}/{name}") == name.encode()
        storage.rename(f"{root}/{name}", f"{root}/moved {name}")
        storage.remove(f"{root}/moved {name}")
    assert storage.names(root) == []


def test_what_is_not_there(root: str) -> None:
    """A file that is not there is a FileNotFoundError that names it."""
    fill(root, "x")
    for url in (f"{root}/none", f"{root}/none/x"):
        assert not storage.exists(url)
        with pytest.raises(FileNotFoundError, match="none"):
            storage.read(url)
        with pytest.raises(FileNotFoundError):
            storage.size(url)
    with pytest.raises(FileNotFoundError):
        storage.rename(f"{root}/none", f"{root}/new")


def test_arrow(root: str) -> None:
    """pyarrow reads the same bytes, from any position."""
    storage.write(f"{root}/x", b"0123456789")
    fs, path = storage.arrow(f"{root}/x")
    with fs.open_input_file(path) as file:
        assert (file.size(), file.read(4), file.read()) == (10, b"0123", b"456789")
        assert (file.read_at(3, 4), file.read_at(2, 8)) == (b"456", b"89")


def test_tail(root: str) -> None:
    """The end of a file has so many bytes, or all that it has, beside its size; what is not there is said so."""
    storage.write(f"{root}/a", b"0123456789")
    storage.write(f"{root}/empty", b"")
    assert storage.tail(f"{root}/a", 4) == (10, b"6789")
    assert storage.tail(f"{root}/a", 100) == (10, b"0123456789")
    assert storage.tail(f"{root}/empty", 4) == (0, b"")
    with pytest.raises(FileNotFoundError):
        storage.tail(f"{root}/nothing", 4)


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
