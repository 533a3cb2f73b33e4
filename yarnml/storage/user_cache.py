"""Folders in this user's cache on this machine, for what later commands will run: nobody else can write there."""

import os
import stat
from collections.abc import Mapping
from pathlib import Path


def user_cache(*names: str, variables: Mapping[str, str] = os.environ) -> Path | None:
    """A folder of yarnml's, made where there is none; None where it can't be had, or others could write into it."""
    base = Path(variables.get("XDG_CACHE_HOME") or Path(variables.get("HOME", "")) / ".cache")
    if not base.is_absolute():
        return None
    try:
        base.mkdir(mode=0o700, parents=True, exist_ok=True)
        if base.stat().st_mode & (stat.S_IWOTH | stat.S_ISVTX) == stat.S_IWOTH:
            return None  # another user could put a folder in the place of ours
        folder = base / "yarnml"
        for name in names:
            if not _is_own(folder):
                return None
            folder.chmod(0o700)  # it may be of a time when others could write it
            folder /= name
        if not _is_own(folder) or folder.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return None  # another user could put a program into it, which we would run
    except OSError:
        return None
    return folder


def _is_own(folder: Path) -> bool:
    """Make a folder where there is none; True where it, and a link that leads to it, is this user's."""
    folder.mkdir(mode=0o700, exist_ok=True)
    return {folder.stat().st_uid, folder.lstat().st_uid} == {os.getuid()}
