"""Pairs of real texts and items: what is written about Python's functions, and the modules that they are in."""

import importlib
import inspect
import re

import numpy as np
import pyarrow as pa

MODULES = """
argparse base64 calendar collections csv datetime decimal difflib fractions gzip heapq ipaddress json logging operator
pathlib pickle queue random re shutil socket statistics string tarfile tempfile threading zipfile
"""


def docstrings() -> pa.Table:
    """A row for each function and method: the words of its docstring, how many, its module, and the module's words."""
    rows = []
    for name in MODULES.split():
        module = importlib.import_module(name)
        own = [value for value in vars(module).values() if getattr(value, "__module__", name) == name]
        own += [value for kind in own if inspect.isclass(kind) for value in vars(kind).values()]
        texts = dict.fromkeys(value.__doc__ for value in own if callable(value) and isinstance(value.__doc__, str))
        rows += [(_words(text), name, _words(str(module.__doc__))) for text in texts if len(_words(text)) > 2]
    order = np.random.default_rng(0).permutation(len(rows))
    words, modules, about = zip(*(rows[place] for place in order), strict=True)
    counts = [float(len(text)) for text in words]
    return pa.table({"words": words, "count": counts, "module": modules, "about": about})


def _words(text: str) -> list[str]:
    return sorted(set(re.findall("[a-z]{3,}", text.lower())))
