"""Write the documentation strings of Python's own packages as Parquet, a fifth of them to test on.

A row is a class, a function or a method: its name, its documentation, what it is, how many arguments it takes (null for
a class), whether its name begins with '_', and the package that it belongs to.

python make_data.py [FOLDER]        default: data/ beside this file
"""

import ast
import inspect
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

PACKAGES = ["asyncio", "email", "http", "importlib", "logging", "multiprocessing", "unittest", "xml"]
TRAIN_FILES = 2
ROW_GROUP = 200

Kinds = ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def main(folder: Path) -> None:
    library = Path(sysconfig.get_path("stdlib"))
    rows = [
        row for package in PACKAGES for path in sorted((library / package).rglob("*.py")) for row in of(path, package)
    ]
    order = np.random.default_rng(0).permutation(len(rows))
    test = len(rows) // 5
    write(folder / "test" / "part-0.parquet", [rows[i] for i in order[:test]])
    for number, part in enumerate(np.array_split(order[test:], TRAIN_FILES)):
        write(folder / "train" / f"part-{number}.parquet", [rows[i] for i in part])


def of(path: Path, package: str) -> Iterator[dict[str, Any]]:
    """Docstrings of a source file: a row for each function or class that has one."""
    if "test" in path.parts or "tests" in path.parts:
        return
    tree = ast.parse(path.read_bytes())
    methods = {id(inner) for outer in ast.walk(tree) if isinstance(outer, ast.ClassDef) for inner in outer.body}
    for node in ast.walk(tree):
        if isinstance(node, Kinds) and (text := ast.get_docstring(node)):
            a_class = isinstance(node, ast.ClassDef)
            yield {
                "name": node.name,
                "doc": inspect.cleandoc(text),
                "kind": "class" if a_class else "method" if id(node) in methods else "function",
                "arguments": None if a_class else len([*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]),
                "private": node.name.startswith("_"),
                "package": package,
            }


def write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=ROW_GROUP, write_page_checksum=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data")
