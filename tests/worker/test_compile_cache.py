"""The folder of compiled programs is used only where nobody else can put a program into it."""

import os
from pathlib import Path

import pytest

from yarnml.worker.compile_cache import FOLDER_VARIABLE, user_cache_variables


def folder_in(base: Path) -> Path | None:
    """The folder that is used below a cache folder."""
    name = user_cache_variables(1, {"XDG_CACHE_HOME": str(base)}).get(FOLDER_VARIABLE)
    return Path(name) if name else None


def modes(folder: Path) -> list[int]:
    return [path.stat().st_mode & 0o777 for path in (folder, folder.parent, folder.parent.parent)]


@pytest.mark.parametrize("umask", [0, 0o002, 0o022, 0o077])
def test_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    """Every folder on the way is for its user alone, also one that was made for others to write."""
    before = os.umask(umask)
    try:
        folder = folder_in(tmp_path / "cache")
        assert folder is not None
        assert modes(folder) == [0o700] * 3
        folder.parent.chmod(0o777)
        assert folder_in(tmp_path / "cache") == folder
        assert modes(folder) == [0o700] * 3
    finally:
        os.umask(before)


def test_a_shared_cache_folder(tmp_path: Path) -> None:
    """It is used with a sticky bit, as /tmp is, and not where others can rename what is in it."""
    for mode, is_used in ((0o777, False), (0o1777, True), (0o775, True)):
        tmp_path.chmod(mode)
        assert (folder_in(tmp_path) is not None) == is_used
    tmp_path.chmod(0o700)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("name", ["yarnml", "yarnml/compiled"])
def test_a_folder_of_another_user(tmp_path: Path, name: str) -> None:
    """A folder or a link that somebody else put there first is not used."""
    assert folder_in(tmp_path) is not None
    os.chown(tmp_path / name, 65534, -1)
    assert folder_in(tmp_path) is None
    os.chown(tmp_path / name, 0, -1)
    (tmp_path / name).rename(tmp_path / "elsewhere")
    (tmp_path / name).symlink_to(tmp_path / "elsewhere")
    assert folder_in(tmp_path) is not None
    os.chown(tmp_path / name, 65534, -1, follow_symlinks=False)
    assert folder_in(tmp_path) is None
