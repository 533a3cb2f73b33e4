"""Measured figures in files: what a benchmark printed, with its command, its date, the machine and the versions."""

import contextlib
import datetime
import importlib.metadata
import io
import os
import re
import shlex
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import msgspec

from benchmarks.measure import CORES

RESULTS = Path(__file__).parent / "results"
PACKAGES = ("jax", "jaxlib", "numpy", "pyarrow", "scikit-learn", "torch", "pyspark", "lightgbm", "xgboost", "implicit")

_NUMBER = r"\d+(?:\.\d+)?(?:e[+-]\d+)?"
_CELL = re.compile(rf"({_NUMBER})(?: \(({_NUMBER})-({_NUMBER})\))?")


class Table(msgspec.Struct, frozen=True):
    """One table of a benchmark.

    ``rows``: the name of a row → its cells in the order of ``columns``, as they were printed: ``median (min-max)``.
    """

    title: str
    columns: list[str]
    rows: dict[str, list[str]]


class Result(msgspec.Struct, frozen=True):
    """One run of a benchmark.  ``date``: ISO; ``versions``: of Python and of the packages that were compared."""

    command: str
    date: str
    machine: str
    versions: dict[str, str]
    tables: list[Table]
    printed: list[str] = []
    note: str = ""


def load(name: str) -> Result:
    """The stored result of this name."""
    return msgspec.json.decode((RESULTS / f"{name}.json").read_bytes(), type=Result)


def main(to: str = "") -> None:
    """Store what the benchmark after this word prints: in a file, or in benchmarks/results under its name."""
    context = click.get_current_context().find_root()
    stack = context.with_resource(contextlib.ExitStack())
    stack.enter_context(_recording(sys.argv[1:], to))


@contextlib.contextmanager
def _recording(arguments: Sequence[str], to: str) -> Iterator[None]:
    """Keep what is printed meanwhile; stored at the end, unless an error ends it or no table was printed."""
    words = list(arguments)[list(arguments).index("record") + 1 :]
    if to:
        words = words[1 if "=" in words[0] else 2 :]
    screen = _Copied(sys.stdout)
    with contextlib.redirect_stdout(screen), contextlib.suppress(click.exceptions.Exit):
        yield
    printed = screen.copy.getvalue().splitlines()
    if printed_tables := tables(printed):
        command = f"python -m benchmarks {shlex.join(words)}"
        date = datetime.date.today().isoformat()
        result = Result(command, date, machine(), versions(), printed_tables, printed)
        path = Path(to) if to else RESULTS / f"{words[0]}.json"
        path.write_bytes(encoded(result))
        print(f"stored in {path}")


def encoded(result: Result) -> bytes:
    """The bytes of a file: JSON to be read and compared by people, too."""
    return msgspec.json.format(msgspec.json.encode(result), indent=2) + b"\n"


class _Copied(io.TextIOBase):
    """A stream that keeps a copy of all that is written to another one."""

    def __init__(self, stream: io.TextIOBase) -> None:
        self._stream = stream
        self.copy = io.StringIO()

    def write(self, text: str) -> int:
        self.copy.write(text)
        return self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()


def tables(printed: Sequence[str]) -> list[Table]:
    """The tables of `benchmarks.measure.report` in what was printed; a title is the last line without indentation."""
    result: list[Table] = []
    title = ""
    table: Table | None = None
    for line in printed:
        cells = re.split(r" {2,}", line.strip())
        if line and not line.startswith(" "):
            title = line
        if line.startswith("  rounds: ") and line.endswith("median (min-max)"):
            table = Table(title, [], {})
            result.append(table)
        elif table and not table.columns:
            table.columns.extend(cells)
        elif table and len(cells) == 1 + len(table.columns):
            table.rows[cells[0]] = cells[1:]
        else:
            table = None
    return result


def numbers(cell: str) -> tuple[float, ...]:
    """The median of a cell, with the least and the largest where they are told."""
    match = _CELL.fullmatch(cell)
    assert match, cell
    return tuple(float(number) for number in match.groups() if number)


def machine() -> str:
    """The processor and the cores that benchmarks may use of it."""
    described = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    model = re.search(r"^model name\s*: (.+)$", described, re.MULTILINE)
    return f"{model[1].strip() if model else 'unknown processor'}, {min(CORES, os.cpu_count() or CORES)} cores"


def versions() -> dict[str, str]:
    """The versions of Python and of the `PACKAGES` that are installed."""
    known = {"python": sys.version.split()[0]}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            known[package] = importlib.metadata.version(package)
    return known
