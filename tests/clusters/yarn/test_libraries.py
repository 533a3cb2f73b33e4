"""Compiled libraries travel without the symbols behind what is loaded, and work as before."""

import importlib.util
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from yarnml.clusters.yarn.packaging.libraries import loaded

REAL = importlib.util.find_spec("zstandard.backend_c")
LOAD = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("zstandard.backend_c", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
assert module.ZstdDecompressor().decompress(module.ZstdCompressor().compress(b"text" * 100)) == b"text" * 100
"""


@pytest.fixture
def library() -> bytes:
    """A library as its wheel brings it, with tables for debuggers of many times its size."""
    assert REAL
    assert REAL.origin
    return Path(REAL.origin).read_bytes()


def test_a_shortened_library_works(library: bytes, tmp_path: Path) -> None:
    """A tenth of the file is what a process loads, and does all that the file did."""
    path = tmp_path / Path(str(REAL and REAL.origin)).name
    path.write_bytes(library)
    part = loaded(str(path))
    assert part
    assert part.size < len(library) / 5
    path.write_bytes(part.header + library[len(part.header) : part.size])
    done = subprocess.run([sys.executable, "-c", LOAD, path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert loaded(str(path)) is None


def renamed(content: bytes) -> bytes:
    """The library with a section behind the loaded part whose purpose is unknown."""
    return content.replace(b"\0.debug_info\0", b"\0.other_info\0")


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(lambda content: content + bytes(100), id="something is behind it"),
        pytest.param(renamed, id="an unknown section"),
        pytest.param(lambda content: content[:16] + struct.pack("<H", 2) + content[18:], id="a program"),
        pytest.param(lambda content: content[:4] + b"\1" + content[5:], id="of 32 bits"),
        pytest.param(lambda content: content[:2_000_000], id="torn"),
        pytest.param(lambda content: b"x" * 2_000_000, id="no library"),
        pytest.param(lambda content: content[:500_000], id="small"),
        pytest.param(lambda content: content[:60] + b"\xff\xff\xff\xff" + content[64:], id="wrong numbers of sections"),
    ],
)
def test_what_is_not_the_usual_travels_whole(library: bytes, tmp_path: Path, changed: object) -> None:
    """Files that are no such library, or may hold what a process reads behind the loaded part."""
    assert callable(changed)
    (tmp_path / "x.so").write_bytes(changed(library))
    assert loaded(str(tmp_path / "x.so")) is None
