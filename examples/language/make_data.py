"""Write documentation that every Python brings along, that of some modules apart to test on, as Parquet.

A row is a run of documentation strings of one module, or of paragraphs of one topic of Python's help.
"""

import ast
import inspect
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path
from pydoc_data.topics import topics

import pyarrow as pa
import pyarrow.parquet as pq

CHARACTERS = 1200
"""The most of a row, if no part alone is longer."""
TESTED = 12
"""Of so many sources one is left to test on."""
Documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def main(folder: Path) -> None:
    library = Path(sysconfig.get_path("stdlib"))
    files = [*library.glob("*.py"), *library.glob("[a-z]*/*.py")]
    sources = [list(strings(path)) for path in sorted(files) if not {"site-packages", "test"} & {*path.parts}]
    sources += [[part + "\n\n" for part in topics[name].split("\n\n")] for name in sorted(topics)]
    seen: set[str] = set()  # what comes twice would be no test
    rows: dict[str, list[str]] = {"train": [], "test": []}
    for number, source in enumerate(sources):
        new = [part for part in dict.fromkeys(source) if part not in seen]
        seen.update(new)
        rows["train" if number % TESTED else "test"] += runs(new)
    for name, texts in rows.items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"text": texts}), folder / name / "part-0.parquet", row_group_size=200)


def strings(path: Path) -> Iterator[str]:
    """The documentation strings of a file."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, Documented) and (text := ast.get_docstring(node)):
            yield inspect.cleandoc(text) + "\n\n"


def runs(parts: Iterable[str]) -> Iterator[str]:
    """Texts in runs; joined they are all of them."""
    run = ""
    for part in parts:
        if run and len(run) + len(part) > CHARACTERS:
            yield run
            run = ""
        run += part
    if run:
        yield run


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data")
