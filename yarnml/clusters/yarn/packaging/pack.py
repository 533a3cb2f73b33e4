"""The form of an archive: blocks that are compressed and opened by themselves, in a zip file beside their reader.

`unpack` is the reader.  Blocks are made on all cores and opened on several; each has the checksum that zip gives it.
A block has as many whole files as fit, or a part of a larger one: a zip file of the files themselves would compress
small modules badly, and a large library on one core.

zstandard makes an environment smaller than gzip does, in half of the time, and opens it in a quarter.  A small archive
is zlib's, since zstandard, which the nodes may not have, must travel in it.
"""

import functools
import importlib.util
import json
import os
import zipfile
import zlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from yarnml.clusters.yarn.packaging import unpack
from yarnml.clusters.yarn.packaging.archive import Item
from yarnml.clusters.yarn.packaging.bytecode import Bytecode, compiled
from yarnml.clusters.yarn.packaging.libraries import loaded

SCRIPT = "unpack.py"
"""The name of the reader in an archive."""

SMALL_BYTES = 48 << 20
"""Size of the files below which an archive needs no zstandard."""

BLOCK_BYTES = 4 << 20
"""Size of a block, before it is compressed."""

LEVEL = 3
"""Of zstandard's compression: the next ones take more time than the bytes that they save."""

_CORES = os.cpu_count() or 1
_FILE_TIME = (1980, 1, 1, 0, 0, 0)  # the same files give the same archive, and zip takes no earlier time


class _Piece(NamedTuple):
    """A file, or a part of it, as it stands in a block; ``beginning``: takes the place of its first bytes."""

    item: Item
    mode: int
    position: int
    size: int
    beginning: bytes = b""


def write(items: Iterable[Item], out: Any, small_bytes: int = SMALL_BYTES) -> None:
    """Write an archive into an open file; with the bytecode of its modules."""
    items = list(items)
    blocks = list(_blocks(items))
    small = sum(piece.size for block in blocks for piece in block) < small_bytes
    modules = [item.path for item in items if _is_module(item)]
    with (
        compiled(modules) as bytecode,
        ThreadPoolExecutor(_CORES) as pool,
        zipfile.ZipFile(out, "w") as packed,
    ):
        helper = {} if small else _helper()
        for name, path in {SCRIPT: unpack.__file__, **helper}.items():
            packed.writestr(_entry(name, zipfile.ZIP_DEFLATED), Path(path).read_bytes(), compresslevel=1)
        compress = functools.partial(zlib.compress, level=1) if small else _zstandard()
        make = functools.partial(_made, bytecode=bytecode, compress=compress)
        for number, content in enumerate(_in_order(pool, make, blocks)):
            packed.writestr(_entry(f"{unpack.BLOCKS}{number}"), content)


def _entry(name: str, compression: int = zipfile.ZIP_STORED) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, _FILE_TIME)
    entry.compress_type = compression
    return entry


def _is_module(item: Item) -> bool:
    """True for a module whose bytecode is worth its space: a package's tests are never imported on a cluster."""
    return bool(item.path) and item.name.endswith(".py") and "/tests/" not in item.name


def _is_library(name: str) -> bool:
    return ".so" in os.path.basename(name)


def _blocks(items: Iterable[Item]) -> Iterator[list[_Piece]]:
    """The pieces of each block."""
    block: list[_Piece] = []
    filled = 0
    for piece in _pieces(items):
        if block and filled + piece.size > BLOCK_BYTES:
            yield block
            block = []
            filled = 0
        block.append(piece)
        filled += piece.size
    if block:
        yield block


def _pieces(items: Iterable[Item]) -> Iterator[_Piece]:
    for item in items:
        if not item.path:
            yield _Piece(item, 0o644, 0, len(item.text))
            continue
        status = os.stat(item.path)
        mode = 0o755 if status.st_mode & 0o100 else 0o644
        library = loaded(item.path) if _is_library(item.name) else None
        size = library.size if library else status.st_size
        for position in range(0, max(size, 1), BLOCK_BYTES):
            beginning = library.header if library and not position else b""
            yield _Piece(item, mode, position, min(size - position, BLOCK_BYTES), beginning)


def _made(pieces: list[_Piece], bytecode: Bytecode, compress: Callable[[bytes], bytes]) -> bytes:
    """A block, compressed."""
    heads = []
    contents = []
    for item, mode, position, size, beginning in pieces:
        content = _read(item.path, position, size) if item.path else item.text.encode()
        content = beginning + content[len(beginning) :]
        heads.append((item.name, mode, position, len(content)))
        contents.append(content)
        if _is_module(item) and not position and (code := bytecode.of(item.path, content)):
            heads.append((importlib.util.cache_from_source(item.name), 0o644, 0, len(code)))
            contents.append(code)
    return compress(b"".join([json.dumps(heads).encode(), b"\n", *contents]))


def _read(path: str, position: int, size: int) -> bytes:
    with open(path, "rb", buffering=0) as file:
        return os.pread(file.fileno(), size, position)


def _in_order(
    pool: ThreadPoolExecutor, make: Callable[[list[_Piece]], bytes], blocks: Iterable[list[_Piece]]
) -> Iterator[bytes]:
    """The blocks, made by the threads of a pool; not more than a few are held in memory."""
    waiting: deque[Future[bytes]] = deque()
    for block in blocks:
        waiting.append(pool.submit(make, block))
        if len(waiting) > 2 * _CORES:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()


def _zstandard() -> Callable[[bytes], bytes]:
    import zstandard  # 10 ms, and most commands pack nothing

    return functools.partial(zstandard.compress, level=LEVEL)


def _helper() -> dict[str, str]:
    """The files of zstandard that open a block, by their names in an archive."""
    package = importlib.util.find_spec("zstandard")
    extension = importlib.util.find_spec("zstandard.backend_c")
    paths = [spec.origin for spec in (package, extension) if spec and spec.origin]
    return {f"{unpack.HELPER}{os.path.basename(path)}": path for path in paths}
