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


def edited(folder: Path) -> None:
    """The manifest stays a good one, of a job that got on otherwise."""
    document = json.loads((folder / "manifest.json").read_text())
    document["position"]["history"][0]["loss"] += 1.0
    (folder / "manifest.json").write_text(json.dumps(document))
