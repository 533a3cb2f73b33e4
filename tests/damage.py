"""Damage to the files of a folder: cut, flipped, removed, edited."""

import json
import os
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[Path], None]


def cut(name: str) -> Damage:
    """The second half of the file is lost."""
    return lambda folder: os.truncate(folder / name, (folder / name).stat().st_size // 2)


def flipped(name: str) -> Damage:
    """One bit of the file's last byte but one is the other one."""

    def damage(folder: Path) -> None:
        data = bytearray((folder / name).read_bytes())
        data[-2] ^= 1
        (folder / name).write_bytes(data)

    return damage


def missing(name: str) -> Damage:
    """The file is not there."""
    return lambda folder: (folder / name).unlink()


def loop(name: str) -> Damage:
    """The file is a link to itself, which nobody can follow, not even root: as a disk that can't read it."""

    def damage(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to(name)

    return damage


def pipe(name: str) -> Damage:
    """The file is a pipe, from which nothing ever comes."""

    def damage(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return damage


def folder_for(name: str) -> Damage:
    """A folder stands where the file was."""

    def damage(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).mkdir()

    return damage


def another_format(folder: Path) -> None:
    """One bit of the format's number is the other one."""
    path = folder / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b"yarnml-checkpoint/1", b"yarnml-checkpoint/0"))


def edited(folder: Path) -> None:
    """The manifest stays a good one, of a job that got on otherwise."""
    document = json.loads((folder / "manifest.json").read_text())
    document["position"]["history"][0]["loss"] += 1.0
    (folder / "manifest.json").write_text(json.dumps(document))
