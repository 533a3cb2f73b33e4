"""Skein, imported quickly: the one place that imports it.

Skein compares one version by distutils, which Python has no more from 3.12 on.  There setuptools stands in for it, and
before 3.12, too, where it is installed: loading all of that is half of a command's imports.  So Skein gets the class
that it needs from here.
"""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

_MODULE = "distutils.version"


class LooseVersion:
    """A version that can be compared with another by its numbers."""

    def __init__(self, text: str) -> None:
        self._numbers = [int(number) for number in re.findall(r"\d+", text)]

    def __lt__(self, other: str) -> bool:
        return self._numbers < LooseVersion(other)._numbers


@contextmanager
def _distutils_from_here() -> Iterator[None]:
    """Have an import of distutils' versions find the class above."""
    before = sys.modules.get(_MODULE)
    stand_in = ModuleType(_MODULE)
    stand_in.__dict__["LooseVersion"] = LooseVersion
    sys.modules[_MODULE] = stand_in
    try:
        yield
    finally:
        del sys.modules[_MODULE]
        if before is not None:
            sys.modules[_MODULE] = before


with _distutils_from_here():
    import skein

__all__ = ["skein"]
