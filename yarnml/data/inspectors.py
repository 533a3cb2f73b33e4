"""Looks into many files: by threads, and of thousands of files by processes beside this one.

A look at a small file is mostly Python's, so threads share one core for it.  What comes out is the same by any number
of processes: the files keep their order, and of errors the first one counts.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import msgspec
import pyarrow as pa
from msgspec import Struct

from yarnml import storage
from yarnml.data.base import File, Format
from yarnml.data.formats.registry import reader_of
from yarnml.errors import DataError, YarnmlError, named

MAX_FILES_AT_ONCE = 32
RUNS_OF_THREAD = 8
"""Runs of files that each thread looks into: a task for every one of many files would cost more than the look."""

FILES_OF_PROCESS = 2000
"""Files from which a process pays: its start takes as long as a thousand looks or two."""

MAX_PROCESSES = 4
"""This one among them; each takes some 100 MB."""

SECONDS = 600.0
"""Longest wait for a process: a storage that is away ends it by itself."""

_COMMAND = (sys.executable, "-P", "-m", "yarnml.data.inspector")

Inspected = tuple[pa.Schema, File]
"""The columns of a file, and its groups."""


class Files(Struct, frozen=True):
    """Files to look into, of one ``format`` and one dialect of ``csv``.

    ``field``: of the job file, which names them.
    ``gone``: the words before and behind the URL of one that is not there, where their table says that it is.
    ``patience``: seconds to wait for a storage that is away, for another process.
    """

    format: str
    csv: str
    field: str
    urls: Sequence[str]
    gone: tuple[str, str] | None = None
    patience: float = 0.0

    @property
    def reader(self) -> Format:
        return reader_of(self.format, self.csv)


class Empty(NamedTuple):
    """A file without a byte; ``error``: what the format says of it."""

    error: str


class Found(Struct, frozen=True, tag=True):
    """The contents of files.

    ``columns``: the different ones, as schemas in Arrow's IPC format.
    ``looks``: by file, the number of its columns among these, and its groups; of a file without a byte its error.
    """

    columns: list[bytes]
    looks: list[tuple[int, File] | str]


class Failed(Struct, frozen=True, tag=True):
    """The error that ended the look: the name of its class, and its sentence."""

    kind: str
    sentence: str


Answer = Found | Failed


def inspect_files(files: Files, files_of_process: int = FILES_OF_PROCESS) -> list[Inspected | Empty]:
    """Look into every file, in order.  Files of the same columns share one schema.

    Raises the first error, but of empty files.
    """
    count = processes(len(files.urls), len(os.sched_getaffinity(0)), files_of_process)
    if count == 1 or not storage.is_shared(files.urls[0]):
        return _with_shared_columns(inspect_by_threads(files))
    seconds = storage.patient_seconds()
    shares = [msgspec.structs.replace(files, urls=urls, patience=seconds) for urls in _runs(files.urls, count)]
    ways = [inspect_by_threads, *[inspect_elsewhere] * (count - 1)]
    with ThreadPoolExecutor(count) as pool:
        looks = pool.map(lambda way, share: way(share), ways, shares)
        return _with_shared_columns(look for share in looks for look in share)


def processes(files: int, cores: int, files_of_process: int = FILES_OF_PROCESS) -> int:
    """The number of processes to look into so many files with."""
    return max(1, min(files // files_of_process, cores, MAX_PROCESSES))


def inspect_by_threads(files: Files) -> list[Inspected | Empty]:
    """Look into every file by threads of this process."""
    runs = _runs(files.urls, RUNS_OF_THREAD * MAX_FILES_AT_ONCE)
    with ThreadPoolExecutor(MAX_FILES_AT_ONCE) as pool:
        return [look for run in pool.map(lambda run: [_inspect(files, url) for url in run], runs) for look in run]


def answer_to(files: Files) -> Answer:
    """Look into files for another process."""
    try:
        looks = inspect_by_threads(files)
    except YarnmlError as exc:
        return Failed(type(exc).__name__, str(exc))
    numbers: dict[bytes, int] = {}
    placed: list[tuple[int, File] | str] = []
    for look in looks:
        if isinstance(look, Empty):
            placed.append(look.error)
        else:
            placed.append((numbers.setdefault(_ipc(look[0]), len(numbers)), look[1]))
    return Found(list(numbers), placed)


def inspect_elsewhere(files: Files, command: Sequence[str] = _COMMAND) -> list[Inspected | Empty]:
    """Look into files by another process; raises the error that it met, or DataError where it died.

    ``command``: of its program.
    """
    try:
        done = subprocess.run(
            command,
            input=msgspec.msgpack.encode(files),
            stdout=subprocess.PIPE,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as exc:
        raise DataError(f"{files.field}: a look into {len(files.urls)} files took more than {SECONDS:.0f} s.") from exc
    except OSError as exc:
        raise DataError(f"{files.field}: no process can be started to look into files: {exc}") from exc
    try:
        answer = msgspec.msgpack.decode(done.stdout, type=Answer)
    except msgspec.DecodeError as exc:
        raise DataError(
            f"{files.field}: the process that looked into {len(files.urls)} of the files, from {files.urls[0]} on, "
            f"ended with status {done.returncode} and without an answer; is there memory for it?"
        ) from exc
    if isinstance(answer, Failed):
        raise named(answer.kind)(answer.sentence)
    columns = [pa.ipc.read_schema(pa.py_buffer(stored)) for stored in answer.columns]
    return [Empty(look) if isinstance(look, str) else (columns[look[0]], look[1]) for look in answer.looks]


def _inspect(files: Files, url: str) -> Inspected | Empty:
    """The columns and the groups of one file; the error of the format where it has no byte."""
    fs, path = storage.arrow(url)
    try:
        return files.reader.inspect(fs, path, url)
    except OSError as exc:
        raise DataError(f"{files.field}: {url} can't be read: {exc}") from exc
    except DataError as exc:
        size = fs.get_file_info(path).size
        if files.gone and size is None:
            raise DataError(f"{files.field}: {url.join(files.gone)}") from exc
        if size != 0:
            raise
        return Empty(str(exc))


def _with_shared_columns(looks: Iterable[Inspected | Empty]) -> list[Inspected | Empty]:
    """Have files of the same columns share one schema: a few are gone through sooner than one of each file."""
    known: dict[bytes, pa.Schema] = {}
    return [look if isinstance(look, Empty) else (known.setdefault(_ipc(look[0]), look[0]), look[1]) for look in looks]


def _ipc(columns: pa.Schema) -> bytes:
    return bytes(columns.serialize().to_pybytes())


def _runs(urls: Sequence[str], count: int) -> list[Sequence[str]]:
    """Cut URLs into so many runs, or fewer of one each."""
    length = -(-len(urls) // count)
    return [urls[start : start + length] for start in range(0, len(urls), length)]
