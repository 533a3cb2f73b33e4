"""Folders and globs of data: all is read, said or an error."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.storage.users import folder_of_everybody, ordinary_user
from yarnml import storage
from yarnml.data import dataset
from yarnml.errors import JobFileError
from yarnml.storage.listing import is_hidden


def fill(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def listed(folder: Path, pattern: str = "") -> tuple[list[str], list[str]]:
    """The files and what is left out, below a folder."""
    listing = storage.listing(f"{folder}{pattern}")
    return (
        [f.removeprefix(f"{folder}/") for f in listing.files],
        [x.replace(f"{folder}/", "") for x in listing.left_out],
    )


def test_partitions_by_hidden_columns_are_data(tmp_path: Path) -> None:
    """``_key=value`` is a partition, as for Spark, in a folder and by a glob."""
    fill(tmp_path, "_year=2022/a.csv", "_year=2023/b.csv", "c.csv", "_year=2023/_month=1/d.csv")
    files = ["_year=2022/a.csv", "_year=2023/_month=1/d.csv", "_year=2023/b.csv", "c.csv"]
    assert listed(tmp_path) == listed(tmp_path, "/**") == (files, [])
    assert listed(tmp_path, "/_year=*/*.csv") == (["_year=2022/a.csv", "_year=2023/b.csv"], [])
    assert listed(tmp_path, "/*/*.csv") == (["_year=2022/a.csv", "_year=2023/b.csv"], [])


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    """Hidden names are told, but for those that systems which write data put there; a glob that asks for them reads."""
    fill(tmp_path, "a.csv", "_b.csv", "_in/c.csv", ".d.csv", "e.csv._COPYING_", "_SUCCESS", ".a.csv.crc", "_metadata")
    fill(tmp_path, "_temporary/0/f.csv", ".tmp-x/g.csv", "_committed_123")
    hidden = [".d.csv", "_b.csv", "_in", "e.csv._COPYING_"]
    assert listed(tmp_path) == (["a.csv"], [f"{name} (a hidden name)" for name in hidden])
    assert listed(tmp_path, "/_[bi]*") == (["_b.csv"], ["_in (a folder; add /* for its files)"])
    assert listed(tmp_path, "/*.csv") == (["a.csv"], ["_b.csv (a hidden name)", ".d.csv (a hidden name)"][::-1])
    assert listed(tmp_path, "/**/_b.csv") == (
        ["_b.csv"],
        [f"{name} (a hidden name)" for name in hidden if "b" not in name],
    )


def test_a_folder_that_matches_is_said(tmp_path: Path) -> None:
    """A glob takes files; that it takes no folder is told."""
    fill(tmp_path, "2024.csv", "2024-01/a.csv")
    assert listed(tmp_path, "/2024*") == (["2024.csv"], ["2024-01 (a folder; add /* for its files)"])
    assert listed(tmp_path, "/2024*/*") == (["2024-01/a.csv"], [])


def test_links_to_folders_are_followed(tmp_path: Path) -> None:
    """A folder that is assembled of links is read as if the folders lay there, at every depth."""
    fill(tmp_path, "elsewhere/2023/a.csv", "elsewhere/2024/b.csv", "elsewhere/c.csv", "data/own.csv")
    (tmp_path / "data/in").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "data/c.csv").symlink_to(tmp_path / "elsewhere/c.csv")
    files = ["c.csv", "in/2023/a.csv", "in/2024/b.csv", "in/c.csv", "own.csv"]
    assert listed(tmp_path / "data") == listed(tmp_path / "data", "/**") == (files, [])
    assert listed(tmp_path / "data", "/*/*/*.csv") == (["in/2023/a.csv", "in/2024/b.csv"], [])


def test_links_in_circles_end(tmp_path: Path) -> None:
    """A folder with two links to itself is read once, and the links are told."""
    fill(tmp_path, "in/a.csv")
    for name in ("one", "two"):
        (tmp_path / "in" / name).symlink_to("../in")
    told_links = [f"in/{name} (a link to a folder that is read already)" for name in ("one", "two")]
    assert listed(tmp_path) == (["in/a.csv"], told_links)
    assert listed(tmp_path, "/**/*.csv") == (["in/a.csv"], told_links)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


def link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


NO_FILES: dict[str, tuple[Callable[[Path], None], str]] = {
    "pipe": (os.mkfifo, "a named pipe, not a file"),
    "socket": (make_socket, "a socket, not a file"),
    "device": (link_to("/dev/zero"), "a device, not a file"),
    "dangling": (link_to("nowhere"), "a link that leads nowhere"),
    "circle": (link_to("circle.csv"), "Too many levels of symbolic links"),
}


@pytest.mark.parametrize("kind", NO_FILES)
@pytest.mark.parametrize("pattern", ["/in", "/in/*.csv", "/in/{}.csv", "/*/*", "/**/*.csv"])
def test_what_is_no_file_is_refused_by_its_name(tmp_path: Path, kind: str, pattern: str) -> None:
    """A pipe, a socket, a device or a link to nothing is an error, and never opened."""
    make, why = NO_FILES[kind]
    fill(tmp_path, "in/a.csv")
    make(tmp_path / f"in/{kind}.csv")
    with pytest.raises(OSError, match=rf"{kind}\.csv.*{why}|{why}.*{kind}\.csv"):
        storage.find(f"{tmp_path}{pattern}".format(kind))


@pytest.mark.parametrize("pattern", ["", "/*.csv", "/**"])
def test_a_name_that_is_no_text_is_refused(tmp_path: Path, pattern: str) -> None:
    """A file whose name is not UTF-8 can't be named to everybody who reads: it is an error that shows the name."""
    (tmp_path / os.fsdecode(b"caf\xe9.csv")).write_text("x\n1\n")
    with pytest.raises(JobFileError, match=r"caf\\xe9\.csv' is a name that is not UTF-8; rename it"):
        dataset.inspect(f"{tmp_path}{pattern}", "csv", "data.train")


def test_files_that_come_twice_are_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Rows that a list of paths names twice count twice, which is said."""
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("x\n1\n")
    read, _ = dataset.inspect([str(tmp_path), f"{tmp_path}/a*", f"{tmp_path}/b.csv"], "csv", "data.train")
    assert read.rows == 4
    assert "data.train: 2 files come more than once, and so do their rows: " in capfd.readouterr().err


@pytest.mark.parametrize("pattern", ["", "/*/*.csv", "/**/*.csv", "/**", "/closed/a.csv"])
@pytest.mark.parametrize("mode", [0, 0o444])
def test_a_folder_that_can_not_be_listed_is_an_error(pattern: str, mode: int) -> None:
    """Data below it is never silently less data, and the sentence names the folder."""
    with folder_of_everybody() as folder:
        fill(folder, "open/a.csv", "closed/a.csv")
        (folder / "closed").chmod(mode)
        with ordinary_user(), pytest.raises(JobFileError, match=r"data\.train: .*can't be listed: .*/closed"):
            dataset.inspect(f"{folder}{pattern}", "csv", "data.train")
        (folder / "closed").chmod(0o755)


def test_only_hidden_data_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Data that is hidden altogether is an error with its names; a hidden part is one line."""
    (tmp_path / "_a.csv").write_text("x\n1\n")
    with pytest.raises(JobFileError, match=r"data\.train: there is no file to read at .*, only .*/_a\.csv \(a hidden"):
        dataset.inspect(str(tmp_path), "csv", "data.train")
    (tmp_path / "a.csv").write_text("x\n1\n")
    read, _ = dataset.inspect(str(tmp_path), "csv", "data.train")
    assert [file.url for file in read.files] == [f"{tmp_path}/a.csv"]
    assert capfd.readouterr().err == f"data.train: of {tmp_path} is left out: {tmp_path}/_a.csv (a hidden name).\n"


NAMES = st.sampled_from(["a", "b", "_c", ".d", "_e=1", "f=2", "_SUCCESS"])


@given(tree=st.dictionaries(st.lists(NAMES, min_size=1, max_size=3).map(tuple), st.booleans(), max_size=12))
@settings(max_examples=60, deadline=None, database=None, derandomize=True)
def test_every_file_is_read_or_told(tree: dict[tuple[str, ...], bool]) -> None:
    """In any tree of files, folders and links a file is read, or the hidden name that hides it is told."""
    with folder_of_everybody() as folder:
        for parts, is_link in tree.items():
            path = folder.joinpath(*parts)
            if any(above.is_file() or above.is_symlink() for above in [path, *path.parents]) or path.exists():
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(folder) if is_link else path.write_text("")
        files, left_out = listed(folder)
        names_told = {text.partition(" (")[0] for text in left_out}
        for path in (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
            name = str(path.relative_to(folder))
            hiding = [str(p.relative_to(folder)) for p in [path, *path.parents] if p != folder and is_hidden(p.name)]
            outermost = min(hiding, key=len, default="")
            assert (name in files) == (not any(is_hidden(part) for part in name.split("/")))
            assert name in files or outermost in names_told or outermost.endswith("_SUCCESS")
