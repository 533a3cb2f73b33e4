"""Damage to folders of files, drawn at random: to bytes, to whole files, to values within a sealed document."""

import copy
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from yarnml.storage import integrity

BYTES = ["flip", "zeros", "ones", "cut", "insert", "repeat", "append"]
FILES = ["missing", "empty", "folder", "pipe", "loop", "dangling", "another", "nested"]
STRANGE: list[Any] = [None, True, -1, 0, 2**63, 1.5, "", "\x00", "é" * 300, [], {}, [[]], {"a": {"b": 1}}]


@st.composite
def damages(draw: st.DrawFn, names: Sequence[str]) -> tuple[str, str, int, int]:
    """Draw one damage: its kind, a file, a place (in parts of a million) and a number."""
    kind = draw(st.sampled_from(BYTES * 3 + FILES))
    return kind, draw(st.sampled_from(names)), draw(st.integers(0, 999_999)), draw(st.integers(0, 255))


def damage(folder: Path, kind: str, name: str, place: int, number: int) -> None:
    """Do a damage to a file of a folder; a pipe, a link or a folder that an earlier one left stays."""
    path = folder / name
    if path.is_symlink() or not path.is_file():
        return
    if kind in FILES:
        _replace(path, kind)
        return
    data = path.read_bytes()
    at = len(data) * place // 1_000_000
    path.write_bytes(_changed(data, kind, at, number))


def _replace(path: Path, kind: str) -> None:
    before = path.read_bytes()
    path.unlink()
    match kind:
        case "empty":
            path.touch()
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case "loop":
            path.symlink_to(path.name)
        case "dangling":
            path.symlink_to("nowhere")
        case "nested":
            path.write_bytes(b'{"files":' + b"[" * 100_000)
        case "another":
            files = sorted(other for other in path.parent.iterdir() if other.is_file() and not other.is_symlink())
            path.write_bytes(files[0].read_bytes() if files else before[::-1])


def _changed(data: bytes, kind: str, at: int, number: int) -> bytes:
    length = number + 1
    match kind:
        case "flip":
            return data[:at] + bytes(byte ^ 1 << number % 8 for byte in data[at : at + 1]) + data[at + 1 :]
        case "zeros":
            return data[:at] + bytes(len(data[at : at + length])) + data[at + length :]
        case "ones":
            return data[:at] + b"\xff" * len(data[at : at + length]) + data[at + length :]
        case "cut":
            return data[:at]
        case "insert":
            return data[:at] + bytes([number]) + data[at:]
        case "repeat":
            return data[: at + length] + data[at:]
    return data + bytes([number]) * length


@st.composite
def edits(draw: st.DrawFn) -> tuple[int, Any]:
    """Draw one change within a document: which of its values, and what comes in its place."""
    return draw(st.integers(0, 10_000)), draw(st.sampled_from([*STRANGE, "remove"]))


def edited(path: Path, field: str, changes: Sequence[tuple[int, Any]]) -> None:
    """Change values of a sealed document, and seal it again: what a stranger would do, whose digests are right."""
    document = json.loads(path.read_bytes())
    for number, value in changes:
        spots = [*_spots(document)]
        parent, key = spots[number % len(spots)]
        if value == "remove":
            del parent[key]
        else:
            parent[key] = copy.deepcopy(value)
    if isinstance(document.get(field), Mapping):
        path.write_bytes(integrity.seal(document, field, path.name))
    else:
        path.write_text(json.dumps(document))


def _spots(value: Any) -> list[tuple[Any, Any]]:
    """Every place of a document, as its container and the key there."""
    items = [*value.items()] if isinstance(value, dict) else [*enumerate(value)] if isinstance(value, list) else []
    return [(value, key) for key, _ in items] + [spot for _, inner in items for spot in _spots(inner)]


def tree(folder: Path) -> dict[str, str]:
    """Every name below a folder, with what is there."""
    kinds = {}
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes().hex() if path.is_file() and not path.is_symlink() else str(path.lstat().st_mode)
        kinds[str(path.relative_to(folder))] = content
    return kinds


def fresh(source: Path, target: Path) -> Path:
    """A copy of a folder in the place of what is there."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)
    return target
